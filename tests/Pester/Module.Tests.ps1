BeforeDiscovery {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $manifest = Import-PowerShellDataFile -Path (Get-PackedModule)
    $names = $manifest.CmdletsToExport

    # The parameters of each cmdlet, pinned: one that goes or changes its name breaks scripts.
    $pinned = @{
        'Add-PgClusterNode'     = 'Agent', 'ConfigFile', 'Confirm', 'Connection', 'DataDirectory', 'FailureDomain', 'HostName', 'Http', 'LogFile', 'Name', 'NoFailover',
            'NoWait', 'Port', 'Reason', 'TimeoutSec', 'Weight', 'WhatIf'
        'Complete-PgSwitchover' = 'Confirm', 'Limit', 'SourceUri', 'TargetUri', 'WhatIf'
        'Connect-PgCluster'     = 'ConfigFile', 'Option', 'TlsCaFile', 'TlsCertFile', 'TlsKeyFile'
        'Disconnect-PgCluster'  = , 'Connection'
        'Get-PgCluster'         = 'ConfigFile', 'Connection'
        'Get-PgClusterHistory'  = 'ConfigFile', 'Connection', 'First', 'Id', 'Last'
        'Get-PgClusterNode'     = 'ConfigFile', 'Connection', 'Name'
        'Get-PgNodeHealth'      = 'ConfigFile', 'Connection', 'Name'
        'Get-PgDaemon'          = 'ConfigFile', 'Connection', 'Name'
        'Get-PgPlayground'      = , 'Name'
        'Get-PgPooler'          = 'ConfigFile', 'Connection', 'Name'
        'Get-PgQuorum'          = 'ConfigFile', 'Connection'
        'Get-PgRolePlan'        = 'Handover', 'InputObject', 'MaxSteps', 'Mode', 'Path', 'StandBys', 'Voters'
        'Get-PgSwitchover'      = 'Limit', 'SourceUri', 'TargetUri'
        'Get-PgSwitchoverLog'   = 'After', 'Last', 'Limit', 'SourceUri', 'TargetUri'
        'Get-PgSyncedNode'      = 'ConfigFile', 'Connection', 'ForcePrimary', 'MaxLagBytes', 'MaxLagSec', 'PastLsn'
        'Initialize-PgCluster'  = 'Check', 'ConfigFile', 'Confirm', 'Connection', 'Encoding', 'Locale', 'New', 'Primary', 'Reason', 'TimeoutSec', 'WhatIf'
        'Invoke-PgElection'     = 'ConfigFile', 'Confirm', 'Connection', 'Reason', 'WhatIf'
        'Invoke-PgFailover'     = 'AllowDataLoss', 'BlockerPolicy', 'ConfigFile', 'Confirm', 'Connection', 'Force', 'Reason', 'Target', 'WhatIf'
        'Invoke-PgHandover'     = 'ConfigFile', 'Confirm', 'Connection', 'Force', 'Name', 'Reason', 'Timeout', 'WhatIf'
        'Invoke-PgRoleAdjustment' = 'ConfigFile', 'Confirm', 'Connection', 'MaxSteps', 'Reason', 'WhatIf'
        'Measure-PgWriteGap'    = 'ConfigFile', 'Connection', 'PassThru', 'ScriptBlock', 'Uri', 'Writers'
        'New-PgClusterConfig'   = 'AgentPort', 'Confirm', 'EtcdEndpoint', 'Force', 'HttpPort', 'Name', 'Node', 'Option', 'Path', 'Pooler', 'WhatIf'
        'New-PgPlayground'      = 'Asynchronous', 'Confirm', 'EtcdMembers', 'Manager', 'Name', 'Nodes', 'Setting', 'TimeoutSec', 'WhatIf'
        'New-PgSwitchover'      = 'Confirm', 'CopySchema', 'Engine', 'ExcludeTable', 'Jobs', 'Limit', 'MaxLag', 'NoWayBack', 'Schema', 'SourceUri',
            'SourceUriForTarget', 'Stop', 'TargetUri', 'TargetUriForSource', 'TruncateTarget', 'Verify', 'WhatIf'
        'Remove-PgClusterNode'  = 'ConfigFile', 'Confirm', 'Connection', 'Name', 'Reason', 'StopServer', 'WhatIf'
        'Remove-PgPlayground'   = 'Confirm', 'Name', 'WhatIf'
        'Repair-PgClusterNode'  = 'ConfigFile', 'Confirm', 'Connection', 'KeepCopy', 'Method', 'Name', 'Reason', 'WhatIf'
        'Reset-PgSwitchover'    = 'Confirm', 'Limit', 'SourceUri', 'TargetUri', 'WhatIf'
        'Restart-PgClusterNode' = 'ConfigFile', 'Confirm', 'Connection', 'Name', 'PendingRestart', 'Reason', 'WhatIf'
        'Restart-PgPooler'      = 'ConfigFile', 'Confirm', 'Connection', 'Force', 'Name', 'WhatIf'
        'Resume-PgCluster'      = 'ConfigFile', 'Confirm', 'Connection', 'WhatIf'
        'Resume-PgClusterNode'  = 'ConfigFile', 'Confirm', 'Connection', 'Name', 'WhatIf'
        'Resume-PgPooler'       = 'ConfigFile', 'Confirm', 'Connection', 'LeaseId', 'Name', 'PassThru', 'TimeoutSec', 'WhatIf'
        'Set-PgClusterNode'     = 'ConfigFile', 'Confirm', 'Connection', 'FailureDomain', 'Name', 'NoFailover', 'Reason', 'Weight', 'WhatIf'
        'Start-PgSwitchover'    = 'ConfigFile', 'Confirm', 'Connection', 'Limit', 'Reason', 'Rollback', 'SourceUri', 'TargetUri', 'Wait', 'WhatIf'
        'Stop-PgDaemon'         = 'ConfigFile', 'Confirm', 'Connection', 'Drain', 'DrainTimeoutSec', 'Name', 'TimeoutSec', 'WhatIf'
        'Stop-PgSwitchover'     = 'Confirm', 'Limit', 'Reason', 'SourceUri', 'TargetUri', 'WhatIf'
        'Suspend-PgCluster'     = 'ConfigFile', 'Confirm', 'Connection', 'Duration', 'Reason', 'WhatIf'
        'Suspend-PgClusterNode' = 'ConfigFile', 'Confirm', 'Connection', 'Drain', 'DrainTimeout', 'For', 'Force', 'Name', 'Reason', 'WhatIf'
        'Suspend-PgPooler'      = 'ConfigFile', 'Confirm', 'Connection', 'ExpirySec', 'Name', 'PassThru', 'TimeoutSec', 'WhatIf'
        'Test-PgCluster'        = 'ConfigFile', 'Connection', 'Detailed'
        'Test-PgDaemonUpgrade'  = 'ConfigFile', 'Connection', 'Name'
        'Test-PgDurability'     = 'ConfigFile', 'Connection', 'Survive'
        'Test-PgFailover'       = 'AllowDataLoss', 'BlockerPolicy', 'ConfigFile', 'Connection', 'Detailed', 'Force', 'Target'
        'Test-PgSwitchover'     = 'CopySchema', 'Detailed', 'Engine', 'ExcludeTable', 'Jobs', 'Limit', 'MaxLag', 'NoWayBack', 'Rollback', 'Schema',
            'SourceUri', 'SourceUriForTarget', 'Stop', 'TargetUri', 'TargetUriForSource', 'TruncateTarget', 'Verify'
        'Update-PgDaemon'       = 'ConfigFile', 'Confirm', 'Connection', 'DrainTimeoutSec', 'Name', 'Reason', 'WhatIf'
        'Wait-PgClusterNode'    = 'ConfigFile', 'Connection', 'For', 'Name', 'Timeout'
        'Watch-PgCluster'       = 'ConfigFile', 'Connection'
        'Watch-PgPrimary'       = 'ConfigFile', 'Connection'
    }
    $cases = $names | ForEach-Object { @{ Name = $_; Pinned = $pinned[$_] } }
}

BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $path = Get-PackedModule
    $module = Import-Module $path -PassThru
    $cmdlets = Get-Command -Module PgCluster
}

Describe 'The module' {
    It 'has a manifest that is valid' {
        $tested = Test-ModuleManifest -Path $path
        $tested.Name | Should -Be 'PgCluster'
        $tested.PowerShellVersion | Should -Be '7.6'
        $tested.CompatiblePSEditions | Should -Be 'Core'
        $tested.Tags | Should -Contain 'PSEdition_Core'
        $tested.Tags | Should -Contain 'Linux'
    }

    It 'exports exactly the cmdlets it lists, and nothing else' {
        $manifest = Import-PowerShellDataFile -Path $path
        @($cmdlets.Name | Sort-Object) | Should -Be @($manifest.CmdletsToExport | Sort-Object)
        $module.ExportedFunctions.Count | Should -Be 0
        $module.ExportedVariables.Count | Should -Be 0
        $module.ExportedAliases.Count | Should -Be 0
        foreach ($list in 'FunctionsToExport', 'VariablesToExport', 'AliasesToExport') {
            , $manifest[$list] | Should -BeOfType array
        }
    }

    It 'uses approved verbs and one prefix' {
        $approved = (Get-Verb).Verb
        foreach ($cmdlet in $cmdlets) {
            $approved | Should -Contain $cmdlet.Verb
            $cmdlet.Noun | Should -Match '^Pg[A-Z]'
        }
    }

    It 'ships what it needs: <_>' -ForEach 'PgCluster.psm1', 'PgCluster.Format.ps1xml', 'PgCluster.Types.ps1xml', 'bin/PgCluster.Cmdlets.dll',
        'bin/PgCluster.Model.dll', 'bin/deps/PgCluster.Client.dll', 'bin/deps/Npgsql.dll', 'en-US/PgCluster.Cmdlets.dll-Help.xml',
        'en-US/about_PgCluster.help.txt', 'en-US/about_PgCluster_Failover.help.txt', 'en-US/about_PgCluster_Automation.help.txt' {
        Join-Path $module.ModuleBase $_ | Should -Exist
    }

    It 'keeps everything but cmdlets and model out of the shared directory' {
        (Get-ChildItem -Path (Join-Path $module.ModuleBase 'bin') -Filter *.dll).Name | Sort-Object | Should -Be 'PgCluster.Cmdlets.dll', 'PgCluster.Model.dll'
        (Get-ChildItem -Path (Join-Path $module.ModuleBase 'bin/deps') -Filter System.Management.Automation.dll) | Should -BeNullOrEmpty
    }

    It 'brings the agent along' {
        Join-Path $module.ModuleBase 'bin/agent' | Should -Exist
        @(Get-ChildItem -Path (Join-Path $module.ModuleBase 'bin/agent') -Filter 'pgcluster*').Count | Should -BeGreaterThan 0
    }
}

Describe '<Name>' -ForEach $cases {
    BeforeAll {
        $cmdlet = Get-Command $name
    }

    It 'has the parameters it is known by' {
        $actual = $cmdlet.Parameters.Keys | Where-Object { $_ -notin [Management.Automation.PSCmdlet]::CommonParameters } | Sort-Object
        @($actual) | Should -Be @($pinned | Sort-Object)
    }

    It 'shows no type of the private load context' {
        $types = @($cmdlet.OutputType.Type) + @($cmdlet.Parameters.Values.ParameterType) | Where-Object { $_ }
        foreach ($type in $types) {
            $element = if ($type.HasElementType) { $type.GetElementType() } else { $type }
            [Runtime.Loader.AssemblyLoadContext]::GetLoadContext($element.Assembly).Name | Should -Be 'Default' -Because "$element is for everybody"
        }
    }

    It 'says what it returns' {
        $cmdlet.OutputType.Count | Should -BeGreaterThan 0
    }

    It 'has its class where it belongs' {
        $cmdlet.ImplementingType.FullName | Should -Be "PgCluster.Commands.$($name -replace '-')Command"
    }
}

Describe 'Cmdlets that change something' {
    It 'asks by ShouldProcess: <_>' -ForEach 'Initialize-PgCluster', 'Add-PgClusterNode', 'Remove-PgClusterNode', 'Invoke-PgFailover', 'Invoke-PgElection', 'Invoke-PgHandover', 'Invoke-PgRoleAdjustment', 'Suspend-PgCluster', 'Resume-PgCluster', 'Suspend-PgPooler', 'Resume-PgPooler', 'Restart-PgPooler', 'Update-PgDaemon', 'Stop-PgDaemon', 'Repair-PgClusterNode', 'Restart-PgClusterNode', 'Suspend-PgClusterNode', 'Set-PgClusterNode', 'Resume-PgClusterNode', 'New-PgPlayground', 'Remove-PgPlayground', 'New-PgClusterConfig',
        'New-PgSwitchover', 'Start-PgSwitchover', 'Stop-PgSwitchover', 'Reset-PgSwitchover', 'Complete-PgSwitchover' {
        (Get-Command $_).Parameters.Keys | Should -Contain 'WhatIf'
    }

    It 'asks without being told to before what cannot be taken back, and before nothing else' {
        $impact = foreach ($cmdlet in $cmdlets) {
            $attribute = $cmdlet.ImplementingType.GetCustomAttributes([Management.Automation.CmdletAttribute], $false)[0]
            if ($attribute.ConfirmImpact -eq 'High') { $cmdlet.Name }
        }
        $impact | Sort-Object | Should -Be 'Complete-PgSwitchover', 'Initialize-PgCluster', 'Invoke-PgElection', 'Invoke-PgFailover', 'Remove-PgClusterNode', 'Start-PgSwitchover'
    }
}

Describe 'The table of errors' {
    BeforeAll {
        $reasons = [enum]::GetValues([PgCluster.Reason])
        $entries = @($reasons | ForEach-Object { [PgCluster.Cmdlets.ErrorTable]::Of($_) })
        $own = @([PgCluster.Cmdlets.ErrorTable].GetProperties('Public,Static') | ForEach-Object { $_.GetValue($null) })
    }

    It 'has an entry for every reason' {
        $entries.Count | Should -Be $reasons.Count
        $own.Count | Should -BeGreaterThan 0
    }

    It 'refuses what is no reason' {
        { [PgCluster.Cmdlets.ErrorTable]::Of(9999) } | Should -Throw
    }

    It 'has ids that are unique and without blanks' {
        $ids = @($entries.Id) + @($own.Id)
        $ids | Where-Object { $_ -notmatch '^[A-Z][A-Za-z]+$' } | Should -BeNullOrEmpty
        @($ids | Sort-Object -Unique).Count | Should -Be $ids.Count
    }

    It 'always has a category and an action' {
        foreach ($entry in $entries + $own) {
            $entry.Category | Should -Not -Be 'NotSpecified'
            $entry.RecommendedAction | Should -Match '^[A-Z(''].+\.$'
        }
    }

    It 'is in about_PgCluster_Automation as it is' {
        $about = Get-Content -Path (Join-Path $module.ModuleBase 'en-US/about_PgCluster_Automation.help.txt')
        foreach ($entry in $entries + $own) {
            @($about -match "^\s+$($entry.Id)\s+$($entry.Category)$").Count | Should -Be 1 -Because "$($entry.Id) is documented as $($entry.Category)"
        }
    }
}

Describe 'The views' {
    BeforeAll {
        [xml]$formats = Get-Content -Path (Join-Path $module.ModuleBase 'PgCluster.Format.ps1xml')
        $steps = @(
            [PgCluster.StepReport]::new('pause', 'Run', 'app,pg01', 0.01, 0.02, $true, '2 poolers')
            [PgCluster.StepReport]::new('stop', 'Run', 'pg01', 0.03, 0.5, $false, 'it did not stop')
            [PgCluster.StepReport]::new('pause', 'Undo', 'app,pg01', 0.53, 0.02, $true, '')
        )
        $report = [PgCluster.OperationReport]@{
            Id = '0190'; Kind = 'failover'; Cluster = 'demo'; Outcome = 'RolledBack'; OldPrimary = 'pg01'; NewPrimary = 'pg01'; Actor = 'me@here'; Why = 'a try'
            StartedAt = [DateTimeOffset]'2026-01-02T03:04:05Z'; DurationSeconds = 1.5; PausedSeconds = 0.54; Steps = [PgCluster.StepReport[]]$steps
            Error = 'it did not stop'; ErrorReason = 'StepTimeout'
        }
        $node = [PgCluster.ClusterNode]@{
            Cluster = 'demo'; Name = 'pg02'; Host = '127.0.0.1'; Port = 5432; Role = 'Standby'; SyncState = 'Sync'; State = 'Running'; Timeline = 3
            Lsn = '0/3000060'; ReplayLsn = '0/3000060'; LagBytes = 0; LagSeconds = 0.0
        }
        $pooler = [PgCluster.PoolerInfo]@{
            Cluster = 'demo'; Name = 'app'; Host = '127.0.0.1'; Port = 6432; State = 'Active'; PointsTo = '127.0.0.1:5432'; PoolMode = 'transaction'; Clients = 16
        }
    }

    It 'has a table of four to six columns for <_>' -ForEach 'ClusterNode', 'ClusterSummary', 'PoolerInfo', 'OperationReport', 'StepReport', 'PlanStep', 'PreflightCheck',
        'CandidateVerdict', 'PrimaryChange', 'ClusterEvent', 'WriteGapReport', 'PlaygroundInfo', 'PgClusterSession', 'SwitchoverStatus', 'SwitchoverOperation', 'SwitchoverLogEntry',
        'SwitchoverNodeStatus', 'NodeHealth', 'NodeVote', 'QuorumStatus', 'QuorumVoter', 'SyncedNode',
        'DurabilityVerdict', 'RepairPlan', 'NodeSuspension', 'ClientSession', 'RoleChange', 'RoleVerdict', 'RoleMember' {
        $view = $formats.Configuration.ViewDefinitions.View | Where-Object { $_.ViewSelectedBy.TypeName -eq "PgCluster.$_" -and $_.TableControl }
        $name = $_
        $view = @($formats.Configuration.ViewDefinitions.View | Where-Object { $_.ViewSelectedBy.TypeName -eq "PgCluster.$name" -and $_.TableControl })
        $view.Count | Should -Be 1
        $headers = @($view.TableControl.TableHeaders.TableColumnHeader)
        $headers.Count | Should -BeGreaterOrEqual 4
        $headers.Count | Should -BeLessOrEqual 6
        @($view.TableControl.TableRowEntries.TableRowEntry.TableColumnItems.TableColumnItem).Count | Should -Be $headers.Count
    }

    It 'names only types and properties that exist' {
        $assembly = [PgCluster.ClusterNode].Assembly
        foreach ($view in $formats.Configuration.ViewDefinitions.View) {
            $type = $view.ViewSelectedBy.TypeName -as [type]
            $type | Should -Not -BeNullOrEmpty -Because $view.ViewSelectedBy.TypeName
            $used = @($view.SelectNodes('.//PropertyName').InnerText) + @([regex]::Matches($view.InnerXml, '\$_\.(\w+)').ForEach({ $_.Groups[1].Value }))
            foreach ($property in $used | Where-Object { $_ }) {
                $known = @($type.GetProperties().Name) + 'Status', 'Name', 'ToString'
                $known | Should -Contain $property -Because "the view of $type shows it"
            }
        }

        [xml]$types = Get-Content -Path (Join-Path $module.ModuleBase 'PgCluster.Types.ps1xml')
        foreach ($entry in $types.Types.Type) {
            $type = $entry.Name -as [type]
            $type | Should -Not -BeNullOrEmpty -Because $entry.Name
            foreach ($name in @($entry.SelectNodes('.//ReferencedProperties/Name').InnerText) + @($entry.SelectNodes('.//ReferencedMemberName').InnerText) | Where-Object { $_ }) {
                $type.GetProperty($name) | Should -Not -BeNullOrEmpty -Because "$($entry.Name).$name is referred to"
            }
        }
    }

    It 'shows an operation with its outcome and its steps' {
        $text = $report | Out-String
        $text | Should -Match 'Failover of demo: RolledBack, pg01 stays the primary in 1\.500 s, clients paused 0\.540 s'
        $text | Should -Match 'StepTimeout: it did not stop'
        $text | Should -Match 'by me@here: a try'
        $text | Should -Match 'undo pause'
        $text | Should -Match '(?m)^stop\s+30\.0\s+500\.0\s+pg01\s+NO'
    }

    It 'shows operations as lines with Format-Table' {
        $lines = ($report | Format-Table | Out-String).Trim() -split "`n"
        $lines.Count | Should -Be 3
        $lines[2] | Should -Match 'failover\s+RolledBack\s+pg01\s+pg01\s+1\.500'
    }

    It 'shows nodes and poolers' {
        ($node | Out-String) | Should -Match '(?m)^pg02\s+Standby\s+Sync\s+Running\s+3\s+0'
        ($pooler | Out-String) | Should -Match '(?m)^app\s+Active\s+127\.0\.0\.1:5432\s+transaction\s+16\s+0'
    }

    It 'shows copies from another process in the same way' {
        $copy = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($node))
        $copy.PSObject.TypeNames[0] | Should -Be 'Deserialized.PgCluster.ClusterNode'
        ($copy | Out-String) | Should -Be ($node | Out-String)
        $copy = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($report, 5))
        ($copy | Format-Table | Out-String) | Should -Be ($report | Format-Table | Out-String)
    }

    It 'gives flat JSON' {
        $json = $node | ConvertTo-Json -EnumsAsStrings | ConvertFrom-Json
        $json.Lsn | Should -Be '0/3000060'
        $json.LagBytes | Should -Be 0
        $json.LagSeconds | Should -Be 0
        $json.Role | Should -Be 'Standby'
        foreach ($property in $json.PSObject.Properties) {
            $property.Value -is [Management.Automation.PSCustomObject] | Should -BeFalse -Because "$($property.Name) is a scalar"
        }
    }
}
