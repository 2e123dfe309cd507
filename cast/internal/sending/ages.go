package sending

// noteBegun notes that the frame in hand begins to be sent to an unthinned reader, the first of all.
func (s *Sweep) noteBegun() {
	of := s.of
	if s.Thinned || s.Hand.Number <= of.firstBegun {
		return
	}
	of.firstBegun = s.Hand.Number
	if of.pace.interval > 0 && s.Now-s.Hand.Captured > of.pace.interval {
		of.Figures.Late++
	}
}

// noteFirst notes that some of the frame in hand has gone to an unthinned reader, the first of all.
func (s *Sweep) noteFirst() {
	s.of.firstSent = s.Hand.Number
	s.of.Figures.FirstAge.Record(s.Now - s.Hand.Captured)
}

// noteLast notes that all unthinned readers behind the socket have the frame in hand.
func (s *Sweep) noteLast() {
	of := s.of
	if s.Thinned {
		return
	}
	of.Figures.LastAge.Record(s.Now - s.Hand.Captured)
	if s.Hand.Number > of.lastSent {
		of.lastSent = s.Hand.Number
		of.Figures.Swept++
	}
}
