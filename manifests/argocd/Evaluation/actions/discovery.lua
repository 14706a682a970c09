local status = obj.status or {}
local ended = status.phase == "Complete" or status.phase == "Failed"
local annotations = obj.metadata.annotations or {}
-- What its model holds, its model lets go.
local held_by_model = annotations["genesis.truth.si/held-by-model"] == "true"

local actions = {}
actions["suspend"] = { disabled = ended or obj.spec.suspend == true }
actions["resume"] = { disabled = ended or held_by_model or obj.spec.suspend ~= true }
actions["approve"] = { disabled = status.verdict ~= "Pass" or annotations["genesis.truth.si/approved"] == "true" }
return actions
