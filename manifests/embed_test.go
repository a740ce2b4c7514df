package manifests

import (
	"bytes"
	"testing"
)

func TestCRDs(t *testing.T) {
	docs, err := CRDs()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"alertproviders.flagger.app", "canaries.flagger.app", "metrictemplates.flagger.app"}
	if len(docs) != len(want) {
		t.Fatalf("got %d CRDs, want %d", len(docs), len(want))
	}
	for i, name := range want {
		if !bytes.Contains(docs[i], []byte("\n  name: "+name+"\n")) {
			t.Errorf("CRD %d is not %s", i, name)
		}
	}
}
