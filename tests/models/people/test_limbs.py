"""What of a picture is near which limb."""

from models.people.figures import SCALE, STANDING
from videogeneration.models.people.limbs import parts
from videogeneration.models.people.skeleton import KEYPOINTS


def test_a_pixel_is_of_the_part_that_is_nearest() -> None:
    keypoints = 64 + 3 * SCALE * STANDING
    (part,) = parts(keypoints[None], (128, 128))
    joints = dict(zip(KEYPOINTS, keypoints, strict=True))
    waist = (joints["neck"] + joints["pelvis"]) / 2
    hand = joints["left_wrist"] + 0.2 * (joints["left_wrist"] - joints["left_elbow"])
    places = [joints["head"], hand, waist, joints["left_elbow"], joints["right_knee"]]
    found = [int(part[int(row), int(column)]) for column, row in (*places, joints["right_toe"])]
    assert found == [0, 0, 1, 1, 2, 3]
