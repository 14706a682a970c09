-- Holds the loop; serving goes on.
obj.spec.suspend = true
return obj
