local ended = obj.status ~= nil and obj.status.completionStatus ~= nil
local ending = obj.status ~= nil and obj.status.endingAs ~= nil
local outcome = obj.spec.desiredOutcome or "Auto"
-- What its model holds, its model lets go.
local annotations = obj.metadata.annotations or {}
local held_by_model = annotations["genesis.truth.si/held-by-model"] == "true"

local actions = {}
actions["pause"] = { disabled = ended or ending or obj.spec.paused == true }
actions["resume"] = { disabled = ended or held_by_model or obj.spec.paused ~= true }
actions["abort"] = { disabled = ended or outcome == "Abort" }
actions["promote-full"] = { disabled = ended or ending or outcome ~= "Auto" }
return actions
