"""What Muster is made of, apart from its doors (functions/) and its rehearsal stage (simulator/, devhost/)."""
