package ring

// Derive returns the ring of one named use. Its keys have the names, dates and
// states of those of r, and secrets of their own: a token of one use is worth
// nothing in another. Keys without a secret stay as they are.
func (r *Ring) Derive(info string) *Ring {
	d := &Ring{
		byTag: map[string]*Key{}, byPrint: map[string]*Key{}, bySet: map[string]*Key{},
		headers: map[string]*header{},
	}
	for _, k := range r.keys {
		d.keys = append(d.keys, k.forUse(info))
		d.add(d.keys[len(d.keys)-1])
	}
	d.point()
	return d
}

// forUse returns k with a secret derived for the use that info names.
func (k *Key) forUse(info string) *Key {
	secret := k.Derive(info, 32)
	if secret == nil {
		return k
	}
	d := newHMAC(k.Tag, k.Fingerprint, secret)
	d.SetKID, d.Source, d.Spare, d.Revoked = k.SetKID, k.Source, k.Spare, k.Revoked
	d.Made, d.Activates, d.Retires = k.Made, k.Activates, k.Retires
	return d
}
