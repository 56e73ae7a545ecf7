# Roles that the leader keeps: on a real cluster of four nodes, a playground of its own.

BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    Import-Module (Get-PackedModule)
    $name = "role$PID"
    $playground = New-PgPlayground $name -Nodes 4 -Setting @{ 'synchronous.mode' = 'availability'; 'etcd.timeout' = '8s'; 'failover.lock_timeout' = '20s' }
    $session = $playground | Connect-PgCluster
    Wait-Until { Test-PgFailover } 'the cluster to be ready'

    function Get-Role { (Invoke-PgRoleAdjustment -WhatIf 6> $null).Members | ForEach-Object { "$($_.After)" } | Group-Object -NoElement | Sort-Object Name | ForEach-Object { "$($_.Name) $($_.Count)" } }
}

AfterAll {
    if ($session) { Disconnect-PgCluster $session }
    if ($name) { Remove-PgPlayground $name -Confirm:$false -ErrorAction Ignore }
}

Describe 'Roles that the leader keeps' -Tag Cluster {
    It 'come to three voters and a stand-by by themselves' {
        Wait-Until { @(Get-PgClusterHistory | Where-Object Kind -EQ 'role').Count -gt 0 } 'the leader to have given roles'
        Wait-Until { (Get-Role) -join ', ' -eq 'StandBy 1, Voter 3' } 'three voters and a stand-by'
        $entry = Get-PgClusterHistory | Where-Object Kind -EQ 'role' | Select-Object -First 1
        $entry.Outcome | Should -Be 'Succeeded' -Because $entry.Error
        $entry.Actor | Should -Match '^agent of pg0\d$'
        $entry.Steps[0].Detail | Should -Match ' -> '
    }

    It 'are a plan without changes when they are as asked for, and nobody is asked' {
        Wait-Until { @((Invoke-PgRoleAdjustment -WhatIf 6> $null).Changes).Count -eq 0 } 'the roles to be at rest'
        $plan = Invoke-PgRoleAdjustment
        $plan | Should -BeOfType PgCluster.RolePlan
        $plan.Request.Voters | Should -Be 3
        $plan.Request.Mode | Should -Be 'Relaxed'
        $plan.Members.Count | Should -Be 4
        $plan.Primary | Should -Be (Get-PgCluster).Primary
        ($plan | Out-String -Width 200) | Should -Match 'nothing is to be done'
    }

    It 'follow a node that is taken out of service, and the stand-by votes in its place' {
        $plan = Invoke-PgRoleAdjustment
        $standBy = ($plan.Members | Where-Object After -EQ 'StandBy').Node
        $voter = ($plan.Members | Where-Object { $_.After -eq 'Voter' -and -not $_.IsPrimary })[0].Node
        $null = Suspend-PgClusterNode $voter -Reason 'a new disk' -Confirm:$false
        try {
            Wait-Until { ((Invoke-PgRoleAdjustment -WhatIf 6> $null).Members | Where-Object Node -EQ $standBy).Before -eq 'Voter' } 'the stand-by to vote'
        } finally {
            $null = Resume-PgClusterNode $voter -Confirm:$false
        }

        Wait-Until { (Get-Role) -join ', ' -eq 'StandBy 1, Voter 3' } 'three voters and a stand-by'
    }

    It 'refuses a number of steps that is none' {
        (Get-ErrorOf { Invoke-PgRoleAdjustment -MaxSteps 0 }).FullyQualifiedErrorId | Should -Match '^ParameterArgumentValidationError,'
    }
}
