"""Maps keep what they say they keep."""

from __future__ import annotations

import numpy as np
import pytest

from textvae.extras.report.latent_maps import Plane, maps


def clusters(size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 30)
    return rng.normal(size=(60, size)) + 12.0 * labels[:, None], labels


@pytest.mark.parametrize("size", [1, 2, 8, 60])
def test_two_clusters_stay_apart_on_every_map(size: int) -> None:
    values, labels = clusters(size)
    found = maps({"z_s": values.astype(np.float32)})
    assert [m.method for m in found] == ["PCA", "t-SNE"]
    for m in found:
        assert m.points.shape == (60, 2) and np.isfinite(m.points).all()
        assert m.points.min() > -1e-6 and m.points.max() < 1 + 1e-6
        centres = np.stack([m.points[labels == label].mean(0) for label in (0, 1)])
        nearest = np.linalg.norm(m.points[:, None] - centres, axis=2).argmin(1)
        assert (nearest == labels).mean() > 0.95, m.method


def test_the_same_points_give_the_same_map() -> None:
    values, _ = clusters(4)
    first, second = maps({"z": values}), maps({"z": values})
    assert all(np.array_equal(a.points, b.points) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("values", [np.zeros((4, 3)), np.zeros((0, 3))])
def test_too_few_sentences_have_no_map(values: np.ndarray) -> None:
    assert maps({"z": values}) == []


def test_a_collapsed_space_is_drawn_and_called_so() -> None:
    (found,) = maps({"z": np.full((10, 3), 0.25, np.float32)})
    assert found.method == "collapsed" and (found.points == 0.5).all()


def test_sentences_that_repeat_do_not_matter() -> None:
    values, _ = clusters(4)
    assert all(np.isfinite(m.points).all() for m in maps({"z": np.concatenate([values, values, values[:1]])}))


@pytest.mark.parametrize("size", [1, 2, 8])
def test_a_point_is_moved_along_the_plane_and_nowhere_else(size: int) -> None:
    values, _ = clusters(size)
    plane, place = Plane.fit(values), np.array([0.2, 0.9])
    np.testing.assert_allclose(plane.draw(values), maps({"z": values})[0].points)
    moved = plane.moved(values[7], place)
    wanted = place if size > 1 else np.array([0.2, 0.5])  # a line has one direction
    np.testing.assert_allclose(plane.draw(moved[None])[0], wanted, atol=1e-9)
    off = np.eye(size) - plane.axes.T @ plane.axes  # what the plane does not show
    np.testing.assert_allclose(off @ moved, off @ values[7], atol=1e-9)
    np.testing.assert_allclose(plane.moved(values[7], plane.draw(values)[7]), values[7], atol=1e-9)
