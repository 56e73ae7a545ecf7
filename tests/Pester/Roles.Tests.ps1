BeforeDiscovery {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    Import-Module (Get-PackedModule)

    # Those of the help that need no cluster.
    $examples = (Get-Help Get-PgRolePlan).Examples.Example | Where-Object { $_.Code -notmatch 'Get-PgCluster' } | ForEach-Object { @{ Title = $_.Title.Trim(' ', '-'); Code = $_.Code } }
}

BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    Import-Module (Get-PackedModule)
    Remove-Item -Path Env:PGCLUSTER_CONFIG_FILE -ErrorAction Ignore

    function Get-Shown { param($Plan) $Plan.Changes.ForEach({ "$($_.Node) $($_.From)-$($_.To)" }) -join ', ' }

    $three = @{ name = 'pg01'; role = 'primary' }, @{ name = 'pg02'; role = 'voter' }, @{ name = 'pg03'; role = 'voter' }
    $lost = @'
[
    { "name": "pg01", "role": "primary" },
    { "name": "pg02", "role": "voter" },
    { "name": "pg03", "role": "voter", "is_online": false },
    { "name": "pg04", "role": "standby", "weight": 5 },
    { "name": "pg05", "role": "standby" }
]
'@
}

Describe 'Get-PgRolePlan, on paper' {
    Context 'The examples' {
        It 'run without a cluster: <Title>' -ForEach $examples {
            $output = & ([scriptblock]::Create($code))
            $output | Should -Not -BeNullOrEmpty
            switch -Wildcard ($title) {
                'Try a topology*' { (Get-Shown $output) | Should -Be 'pg03 Spare-Voter, pg02 Spare-StandBy' }
                'See what the loss*' { $output.Node | Should -Be 'pg04', 'pg03' }
            }
        }

        It 'are at least two that need none' -ForEach @{ Count = @($examples).Count } {
            $count | Should -BeGreaterOrEqual 2
        }
    }

    Context 'Where members come from' {
        It 'takes hashtables, objects, members and nodes, mixed' {
            $plan = @(
                @{ name = 'pg01'; role = 'primary' }
                [pscustomobject]@{ Name = 'pg02'; FailureDomain = 'b' }
                [PgCluster.RoleMember]@{ Name = 'pg03'; Role = 'StandBy' }
                [PgCluster.ClusterNode]@{ Cluster = 'demo'; Name = 'pg04'; Host = 'h'; Port = 1; Role = 'Standby'; SyncState = 'Quorum'; State = 'Running' }
            ) | Get-PgRolePlan
            $plan | Should -BeOfType PgCluster.RolePlan
            $plan.Primary | Should -Be 'pg01'
            $plan.Members.Node | Should -Be 'pg01', 'pg02', 'pg03', 'pg04'
            $plan.Members[1].Node | Should -Be 'pg02'
            $plan.Members[-1].Node | Should -Be 'pg04'
            "$($plan.Members.Before)" | Should -Be 'Voter Spare StandBy Voter'
        }

        It 'takes an array that is given by its name' {
            (Get-PgRolePlan -InputObject $three).Members.Count | Should -Be 3
        }

        It 'takes nodes that went through JSON, with names or numbers for what they are' {
            $nodes = [PgCluster.ClusterNode]@{ Cluster = 'demo'; Name = 'pg01'; Host = 'h'; Port = 1; Role = 'Primary'; State = 'Running' },
                [PgCluster.ClusterNode]@{ Cluster = 'demo'; Name = 'pg02'; Host = 'h'; Port = 1; Role = 'Standby'; SyncState = 'Sync'; State = 'Running'; NoFailover = $true }
            foreach ($json in ($nodes | ConvertTo-Json), ($nodes | ConvertTo-Json -EnumsAsStrings)) {
                $plan = $json | ConvertFrom-Json | Get-PgRolePlan -Voters 2
                (Get-Shown $plan) | Should -Be 'pg02 Voter-StandBy'
                $plan.Changes[0].Degrades | Should -BeTrue
            }
        }

        It 'reads a file' {
            $file = Join-Path $TestDrive 'topology.json'
            Set-Content -Path $file -Value $lost
            (Get-Shown (Get-PgRolePlan $file)) | Should -Be 'pg04 StandBy-Voter, pg03 Voter-Spare'
            Push-Location -Path $TestDrive
            try { (Get-PgRolePlan -Path ./topology.json).Members.Count | Should -Be 5 } finally { Pop-Location }
        }
    }

    Context 'What is asked for' {
        BeforeAll {
            $members = $lost | ConvertFrom-Json
        }

        It 'counts voters and stand-bys' {
            (Get-Shown ($members | Get-PgRolePlan -Voters 2 -StandBys 1)) | Should -Be 'pg03 Voter-Spare, pg05 StandBy-Spare'
            (Get-Shown ($members | Get-PgRolePlan -Voters 4)) | Should -Be 'pg04 StandBy-Voter, pg05 StandBy-Voter, pg03 Voter-Spare'
        }

        It 'keeps or drops a voter that nobody can replace' {
            $alone = $members | Select-Object -First 3
            $strict = $alone | Get-PgRolePlan
            $strict.Changes | Should -BeNullOrEmpty
            $strict.Warnings | Should -Contain 'pg03 is offline and stays a voter: nobody can take its place'
            $relaxed = $alone | Get-PgRolePlan -Mode Relaxed
            (Get-Shown $relaxed) | Should -Be 'pg03 Voter-Spare'
            $relaxed.Changes[0].Degrades | Should -BeTrue
            $relaxed.Warnings[0] | Should -Match '^pg03 is offline and nobody can take its place: dropped'
        }

        It 'plans a handover' {
            $plan = $members | Get-PgRolePlan -Handover pg01
            $plan.HandsOver | Should -Be 'pg01'
            "$($plan.Changes.Kind)" | Should -Be 'Assign MovePrimary Assign'
            "$($plan.Changes.Node)" | Should -Be 'pg04 pg04 pg01'
            ($plan.Members | Where-Object IsPrimary).Node | Should -Be 'pg04'
        }

        It 'stops at -MaxSteps' {
            $plan = $members | Get-PgRolePlan -MaxSteps 1
            @($plan.Changes).Count | Should -Be 1
            $plan.IsComplete | Should -BeFalse
        }
    }

    Context 'What is refused' {
        It 'ends everything for one member that is wrong: <What>' -ForEach @(
            @{ What = 'a field misspelt'; Member = @{ name = 'pg02'; wieght = 3 }; Message = "pg02 has a field 'wieght'" }
            @{ What = 'a role that is none'; Member = @{ name = 'pg02'; role = 'leader' }; Message = "role of pg02 is 'leader'" }
            @{ What = 'no name'; Member = @{ role = 'spare' }; Message = 'a member has no name' }
            @{ What = 'text'; Member = '[{ "name": "pg02" }]'; Message = 'ConvertFrom-Json' }
            @{ What = 'a name that is there'; Member = @{ name = 'pg01' }; Message = 'pg01 is there twice' }
        ) {
            $failure = Get-ErrorOf { @{ name = 'pg01'; role = 'primary' }, $member | Get-PgRolePlan }
            $failure.FullyQualifiedErrorId | Should -Be 'InvalidArgument,PgCluster.Commands.GetPgRolePlanCommand'
            $failure.Exception.Message | Should -BeLike "*$([WildcardPattern]::Escape($message))*"
        }

        It 'says what is missing: a primary, the member that hands over, the file' {
            (Get-ErrorOf { @{ name = 'pg01' } | Get-PgRolePlan }).FullyQualifiedErrorId | Should -Match '^NoPrimary,'
            (Get-ErrorOf { $three | Get-PgRolePlan -Handover pg09 }).FullyQualifiedErrorId | Should -Match '^NodeNotFound,'
            $failure = Get-ErrorOf { Get-PgRolePlan (Join-Path $TestDrive 'nowhere.json') }
            $failure.FullyQualifiedErrorId | Should -Match '^InvalidArgument,'
            $failure.Exception.Message | Should -Match 'nowhere\.json cannot be read'
            $file = Join-Path $TestDrive 'wrong.json'
            Set-Content -Path $file -Value '[ { "name": '
            (Get-ErrorOf { Get-PgRolePlan $file }).Exception.Message | Should -Match 'wrong\.json: this is no JSON'
        }

        It 'does not take numbers that cannot be' {
            (Get-ErrorOf { $three | Get-PgRolePlan -Voters 0 }).FullyQualifiedErrorId | Should -Match '^ParameterArgumentValidationError,'
            (Get-ErrorOf { $three | Get-PgRolePlan -StandBys -1 }).FullyQualifiedErrorId | Should -Match '^ParameterArgumentValidationError,'
            (Get-ErrorOf { $three | Get-PgRolePlan -MaxSteps 0 }).FullyQualifiedErrorId | Should -Match '^ParameterArgumentValidationError,'
        }
    }

    Context 'How it looks' {
        It 'shows the changes, every member with its reason, and warnings' {
            $text = $lost | ConvertFrom-Json | Get-PgRolePlan | Out-String -Width 200
            $text | Should -Match '3 voters and 3 stand-bys, Strict: 2 changes'
            $text | Should -Match '(?m)^\s*1 pg04\s+StandBy -> Voter\s+there are 2 of the 3 voters asked for'
            $text | Should -Match '(?m)^pg05\s+StandBy\s+True\s+0\s+is a stand-by already; no voter'
            $text = $three | Get-PgRolePlan -Handover pg01 | Out-String -Width 200
            $text | Should -Match 'pg01 hands over, Strict: 1 change\r?\n'
            $text | Should -Match 'Warning: pg01 stays a voter'
            $text | Should -Match 'becomes the primary'
            ($three | Get-PgRolePlan | Out-String) | Should -Match 'nothing is to be done'
        }

        It 'shows a copy from another process in the same way' {
            $plan = $lost | ConvertFrom-Json | Get-PgRolePlan
            $copy = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($plan, 5))
            ($copy | Out-String) | Should -Be ($plan | Out-String)
        }

        It 'gives JSON that is of use' {
            $json = $lost | ConvertFrom-Json | Get-PgRolePlan | ConvertTo-Json -Depth 5 -EnumsAsStrings | ConvertFrom-Json
            $json.Changes[0].To | Should -Be 'Voter'
            $json.Members[3].After | Should -Be 'Voter'
        }
    }
}

Describe 'pgcluster roles plan' {
    BeforeAll {
        $folder = [IO.Path]::Combine([IO.Path]::GetDirectoryName((Get-PackedModule)), 'bin', 'agent')
        $program = Get-ChildItem -Path $folder -File | Where-Object Name -In 'pgcluster', 'pgcluster.exe' | Select-Object -First 1
    }

    It 'shows the same plan as the cmdlet, from a file and from standard input' -Skip:(-not $IsLinux) {
        $file = Join-Path $TestDrive 'lost.json'
        Set-Content -Path $file -Value $lost
        $text = & $program.FullName roles plan $file | Out-String
        $LASTEXITCODE | Should -Be 0
        $text | Should -Match '(?m)^\s*1\s+pg04\s+StandBy -> Voter'
        $text | Should -Match 'pg03\s+Spare\s+no'
        $json = Get-Content -Path $file | & $program.FullName roles plan - --voters 2 --standbys 1 --json | Out-String | ConvertFrom-Json
        $json.changes.node | Should -Be 'pg03', 'pg05'
        $json.changes[0].to | Should -Be 'Spare'
    }

    It 'plans a handover and warns on standard error' -Skip:(-not $IsLinux) {
        $file = Join-Path $TestDrive 'three.json'
        $three | ConvertTo-Json | Set-Content -Path $file
        $text = & $program.FullName roles plan $file --handover pg03 2>&1 | Out-String
        $text | Should -Match 'warning: pg03 stays a voter'
        $text | Should -Match 'nothing is to be done'
        $text = & $program.FullName roles plan $file --handover pg03 --mode relaxed 2>&1 | Out-String
        $text | Should -Match 'Voter -> Spare'
    }

    It 'ends with exit code 2 for what is no topology' -Skip:(-not $IsLinux) {
        $text = '[{ "name": "pg01", "role": "leader" }]' | & $program.FullName roles plan - 2>&1 | Out-String
        $LASTEXITCODE | Should -Be 2
        $text | Should -Match "InvalidArgument: role of pg01 is 'leader'"
    }
}
