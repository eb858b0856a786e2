"""Groups of prime order, for protocols that compute on whole columns of elements: elections, for one.

`loopixmix.group.group` is the interface, and names no curve. `loopixmix.group.ristretto.ristretto255` is the group,
by one of two engines that give the same bytes: the native one, or libsodium where that is absent.

What takes a time that depends on lengths only, and may be given secrets:

| operation | native | libsodium |
|---|---|---|
| `Elements.times`, `FixedBase.times` | yes | yes, but for products that are the neutral element |
| `+`, `-`, negation and sum of elements, `encode` of elements | yes | yes |
| `Group.elements`, `==` of elements | for valid encodings | valid encodings; `==` not |
| `hash_to_elements`, `derive_elements` | yes | yes |
| `+`, `-`, `*`, negation, `sum`, `inner`, `running_products`, `encode` of scalars | yes | nearly: Python's integers |
| `==` of scalars | yes | yes |
| `invert` | yes, if none is 0 | no |
| `scalars`, `short_scalars`, `reduced_scalars`, `random_scalars` | for valid encodings | nearly: Python's integers |
| `numbers`, `scalars_of` | no: Python's integers | no |

What takes a time that depends on the values, and is for public ones:

- `Elements.times_public` and `FixedBase.times_public`;
- `Group.multi_scalar`;
- `embed` and `extract`, whose search depends on the data;
- `take`, whose indices show in the use of the memory's caches.

A mixer may use them for its secrets on a machine of its own, where nobody else can measure.

The native engine wipes columns from memory when nobody uses them any more. What Python itself holds, such as encodings
and numbers, it cannot wipe.
"""
