#Requires -Version 7.6
#Requires -Modules PgCluster

<#
.SYNOPSIS
    Moves the primary and says by its exit code how that went: for schedulers.
.DESCRIPTION
    0  the primary was moved
    2  the failover was refused; nothing was changed
    3  the failover was rolled back; the old primary serves
    4  a person has to look
    5  the cluster could not be asked
#>
[CmdletBinding()]
param(
    # The cluster's configuration file.
    [Parameter(Mandatory)] [string] $ConfigFile,

    # The node to promote; the best candidate when it is not given.
    [string] $Target,

    # Why, for the history.
    [string] $Reason = 'scheduled'
)

$ErrorActionPreference = 'Stop'
$chosen = if ($Target) { @{ Target = $Target } } else { @{} }
try {
    $report = Invoke-PgFailover -ConfigFile $ConfigFile @chosen -Reason $Reason -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable failure
}
catch {
    [Console]::Error.WriteLine("$($_.FullyQualifiedErrorId.Split(',')[0]): $_")
    exit ($_.FullyQualifiedErrorId -match '^(StoreUnavailable|NoQuorum|AccessDenied|InvalidConfiguration|NotConnected),' ? 5 : 2)
}

$report | ConvertTo-Json -Depth 4 -EnumsAsStrings
switch ($report.Outcome) {
    'Succeeded' { exit 0 }
    'RolledBack' { [Console]::Error.WriteLine("$failure"); exit 3 }
    default { [Console]::Error.WriteLine("$failure"); exit 4 }
}
