// What pods of the node and of its checks run. It needs nothing of the image it is in.
module genesis/node/pod

go 1.26.0
