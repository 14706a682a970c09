// The command line tools of `cargo dev charts`, pinned. They are built from here into the cache.
module genesis/tools

go 1.26.0

tool (
	github.com/helm-unittest/helm-unittest/cmd/helm-unittest
	github.com/yannh/kubeconform/cmd/kubeconform
	github.com/yuin/gopher-lua/cmd/glua
	helm.sh/helm/v3/cmd/helm
)

require (
	github.com/helm-unittest/helm-unittest v1.1.2
	github.com/yannh/kubeconform v0.8.0
	github.com/yuin/gopher-lua v1.1.2
	helm.sh/helm/v3 v3.22.0
)

// helm-unittest is built with this fork of its path library, and a replacement counts in the main module only.
replace github.com/vmware-labs/yaml-jsonpath v0.3.2 => github.com/helm-unittest/yaml-jsonpath v0.4.0
