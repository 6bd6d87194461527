"""Colour difference: CIELAB from sRGB (IEC 61966-2-1, white D65) and CIEDE2000 (Sharma, Wu & Dalal 2005)."""

import numpy as np

from glaze_runtime.arrays import Image, Plane

# sRGB's primaries: linear R, G, B -> X, Y, Z, each as a share of the white's.
_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
_TO_XYZ /= np.array([[0.95047], [1.0], [1.08883]])
_FAR = 25.0**7


def lab(image: Image) -> Image:
    """[...,3] sRGB in 0..1 -> L* in 0..100, a*, b*."""
    linear = np.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T.astype(image.dtype)
    x, y, z = np.moveaxis(np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (841 / 108) + 4 / 29), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ciede2000(one: Image, other: Image) -> Plane:
    """The difference ΔE00 [...] of two colours [...,3] in CIELAB; about 1 is just seen side by side."""
    (L1, a1, b1), (L2, a2, b2) = np.moveaxis(one, -1, 0), np.moveaxis(other, -1, 0)
    mean_chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * _saturation(mean_chroma)
    C1, C2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, stretch * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    coloured = C1 * C2 != 0
    turn = np.where(coloured, (h2 - h1 + 180) % 360 - 180, 0)
    dL, dC = L2 - L1, C2 - C1
    dH = 2 * np.sqrt(C1 * C2) * np.sin(np.radians(turn / 2))
    L, C = (L1 + L2) / 2, (C1 + C2) / 2
    across = np.where(np.abs(h1 - h2) > 180, np.where(h1 + h2 < 360, 360, -360), 0)
    h = np.where(coloured, (h1 + h2 + across) / 2, h1 + h2)
    T = 1 - 0.17 * _cos(h - 30) + 0.24 * _cos(2 * h) + 0.32 * _cos(3 * h + 6) - 0.20 * _cos(4 * h - 63)
    lightness = dL / (1 + 0.015 * (L - 50) ** 2 / np.sqrt(20 + (L - 50) ** 2))
    chroma = dC / (1 + 0.045 * C)
    hue = dH / (1 + 0.015 * C * T)
    rotation = -2 * _saturation(C) * np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    difference: Plane = np.sqrt((lightness**2 + chroma**2 + hue**2 + rotation * chroma * hue).clip(0))
    return difference


def _saturation(chroma: Plane) -> Plane:
    to_the_7th = chroma**7
    root: Plane = np.sqrt(to_the_7th / (to_the_7th + _FAR))
    return root


def _cos(degrees: Plane) -> Plane:
    cosine: Plane = np.cos(np.radians(degrees))
    return cosine
