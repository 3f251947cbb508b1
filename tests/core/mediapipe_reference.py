"""Run the real MediaPipe over photographs; started by test_landmark_parity.py in an environment of its own.

Usage: python mediapipe_reference.py OUTPUT.npz PHOTO...
"""

import sys
from pathlib import Path

import cv2
import mediapipe
import numpy as np


def main(output: str, photos: list[str]) -> None:
    """Write one (468, 3) array in pixels per photograph, empty where MediaPipe finds no face."""
    meshes = {}
    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=1) as face_mesh:
        for photo in photos:
            rgb = cv2.cvtColor(cv2.imread(photo), cv2.COLOR_BGR2RGB)
            height, width = rgb.shape[:2]
            faces = face_mesh.process(rgb).multi_face_landmarks or []
            points = [(p.x * width, p.y * height, p.z * width) for face in faces for p in face.landmark]
            meshes[Path(photo).stem] = np.array(points, np.float32).reshape(-1, 3)
    np.savez(output, **meshes)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
