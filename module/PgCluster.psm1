# The cmdlets are compiled: bin/PgCluster.Cmdlets.dll is a nested module of this one, and the manifest says what is exported.
Set-StrictMode -Version Latest
