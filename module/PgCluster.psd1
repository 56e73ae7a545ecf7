@{
    RootModule             = 'PgCluster.psm1'
    ModuleVersion          = '0.1.0'
    GUID                   = '5b0e8e0c-3f0d-4a43-9d2c-8a6f6d1c7e52'
    Author                 = 'PgCluster contributors'
    CompanyName            = 'PgCluster contributors'
    Copyright              = '(c) PgCluster contributors. Licensed under the Apache License 2.0.'
    Description            = 'PostgreSQL high availability that can be scripted: planned failovers without client errors, rehearsed with -WhatIf, applications moved to another database with seconds of blocking, and clusters as objects. Works with PostgreSQL 14+, PgBouncer and etcd.'
    PowerShellVersion      = '7.6'
    CompatiblePSEditions   = @('Core')

    # The model first: cmdlets and output share it with everybody. Everything else is in bin/deps, in a load context of its own.
    RequiredAssemblies     = @('bin/PgCluster.Model.dll')
    NestedModules          = @('bin/PgCluster.Cmdlets.dll')
    TypesToProcess         = @('PgCluster.Types.ps1xml')
    FormatsToProcess       = @('PgCluster.Format.ps1xml')

    CmdletsToExport        = @(
        'Complete-PgSwitchover'
        'Add-PgClusterNode'
        'Connect-PgCluster'
        'Disconnect-PgCluster'
        'Get-PgCluster'
        'Get-PgClusterHistory'
        'Get-PgClusterNode'
        'Get-PgDaemon'
        'Get-PgNodeHealth'
        'Get-PgPlayground'
        'Get-PgPooler'
        'Get-PgQuorum'
        'Get-PgRolePlan'
        'Get-PgSwitchover'
        'Get-PgSwitchoverLog'
        'Get-PgSyncedNode'
        'Initialize-PgCluster'
        'Invoke-PgElection'
        'Invoke-PgFailover'
        'Invoke-PgHandover'
        'Invoke-PgRoleAdjustment'
        'Measure-PgWriteGap'
        'New-PgClusterConfig'
        'New-PgPlayground'
        'New-PgSwitchover'
        'Remove-PgClusterNode'
        'Remove-PgPlayground'
        'Repair-PgClusterNode'
        'Reset-PgSwitchover'
        'Restart-PgClusterNode'
        'Restart-PgPooler'
        'Resume-PgCluster'
        'Resume-PgClusterNode'
        'Resume-PgPooler'
        'Set-PgClusterNode'
        'Start-PgSwitchover'
        'Stop-PgDaemon'
        'Stop-PgSwitchover'
        'Suspend-PgCluster'
        'Suspend-PgClusterNode'
        'Suspend-PgPooler'
        'Test-PgCluster'
        'Test-PgDaemonUpgrade'
        'Test-PgDurability'
        'Test-PgFailover'
        'Test-PgSwitchover'
        'Update-PgDaemon'
        'Wait-PgClusterNode'
        'Watch-PgCluster'
        'Watch-PgPrimary'
    )
    FunctionsToExport      = @()
    VariablesToExport      = @()
    AliasesToExport        = @()
    DscResourcesToExport   = @()

    PrivateData            = @{
        PSData = @{
            Tags         = @('PSEdition_Core', 'Linux', 'MacOS', 'Windows', 'PostgreSQL', 'PgBouncer', 'etcd', 'HighAvailability', 'Failover', 'Switchover', 'Migration', 'Cluster')
            ReleaseNotes = 'See CHANGELOG.md.'
        }
    }
}
