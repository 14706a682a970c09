-- Lets a candidate that passed roll out where the model's promotionPolicy is Manual.
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["genesis.truth.si/approved"] = "true"
return obj
