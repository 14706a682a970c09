local status = obj.status or {}
local held = obj.spec.suspend == true or obj.spec.pinnedAdapter ~= nil
local at_work = status.activeTrainingRun ~= nil or status.activeEvaluation ~= nil or status.activeRollout ~= nil
-- What the operator would refuse is not offered.
local nothing_verified = status.learning == nil or (status.learning.verifiedRows or 0) == 0

local actions = {}
actions["suspend"] = { disabled = obj.spec.suspend == true }
actions["resume"] = { disabled = obj.spec.suspend ~= true }
actions["improve"] = { disabled = held or at_work or nothing_verified }
return actions
