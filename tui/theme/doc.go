// Package theme holds the colours and the signs of the terminal UI as semantic tokens: panels ask
// for "canary" or "fail", never for a colour.
//
// The palette lies on the blue–orange axis of Okabe and Ito, which people with every common form of
// colour blindness can tell apart: the primary is blue, the canary orange, a failure vermilion.
// Green appears only together with the sign for passed. Nothing depends on colour alone; every
// token that means something comes with a word or a sign from [Symbols].
package theme
