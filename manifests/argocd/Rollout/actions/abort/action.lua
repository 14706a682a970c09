-- Gives all traffic back to the stable. An abort wins over everything else.
obj.spec.desiredOutcome = "Abort"
return obj
