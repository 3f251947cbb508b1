"""One run of ``wrinkle segment`` over many photographs.

``photographs.py`` (and ``folders.py``, ``video.py``) says what there is, ``run_folder.py`` what an earlier run has done
already, ``runner.py`` does the rest, ``manifest.py`` records each photograph as it ends, ``summary.py`` adds up.
"""
