package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/dynamic"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
)

func main() {
	f := genericclioptions.NewConfigFlags(true)
	c := &cobra.Command{Use: "x", Run: func(*cobra.Command, []string) { fmt.Println("hi") }}
	f.AddFlags(c.PersistentFlags())
	_ = dynamic.NewForConfig
	_ = c.Execute()
}
