"""The settings of other protectors, from their papers and the statements of their public code, for pictures in 0..1."""

PHOTOGUARD_LARGEST = 7.7 / 255
"""PhotoGuard's encoder attack (Salman et al. 2023): its largest change,"""
FIRST, LAST = 2.6 / 7.7, 0.03 / 7.7
"""its first and last step as a share of that, along a line,"""
PHOTOGUARD_STEPS, PHOTOGUARD_DEMO_STEPS = 1000, 200
"""and how many there are, in the paper and in its demonstration."""

MIST_LARGEST, MIST_STEP, MIST_STEPS = 16 / 255, 1 / 16, 100
"""Mist's texture mode (Liang & Wu 2023): its largest change, each step as a share of it, and how many there are."""

GLAZE_RATE, GLAZE_START, GLAZE_STEPS = 1e-3 / 2, 0.05 / 2, 500
"""Glaze (Shan et al. 2023) as IMPRESS (Cao et al. 2023) states it, for −1..1: Adam's rate, the reach of its start, the
steps,"""
GLAZE_LPIPS, GLAZE_LPIPS_WEIGHT = 0.05, 30.0
"""and its hinge, GLAZE_LPIPS_WEIGHT · max(LPIPS − GLAZE_LPIPS, 0)."""
