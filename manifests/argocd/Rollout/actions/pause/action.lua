-- Holds the rollout at its present weight.
obj.spec.paused = true
return obj
