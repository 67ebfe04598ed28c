"""People who do what a sentence says: one learned figure, from one or several given frames.

`pose` reads frames, `motion` predicts the poses to come, `background` what is behind, `renderer`
draws a given figure in another pose; `people` puts them together.
"""
