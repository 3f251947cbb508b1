"""Every ensemble and every composing model under rising load: what ``wrinkle bench run`` measures."""
