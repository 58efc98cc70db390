"""Images from source to store: list, decode, audit, split, pack, describe.

The way of an image: a source (`graft.images.sources`) lists it, `decode_images` makes it a square
of uint8 pixels or quarantines it, `find_duplicates` compares it with all others, `check_audit`
refuses a collection that is too damaged, `assign_splits` gives it a part, `build_store` packs it
and `dataset_card` describes the whole.
"""
