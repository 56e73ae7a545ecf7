BeforeDiscovery {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    Import-Module (Get-PackedModule)
    $common = [Management.Automation.PSCmdlet]::CommonParameters
    $cases = foreach ($command in Get-Command -Module PgCluster) {
        @{
            Name       = $command.Name
            Parameters = @($command.Parameters.Values | Where-Object { $_.Name -notin $common } | ForEach-Object { @{ Name = $command.Name; Parameter = $_.Name } })
        }
    }
}

BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
    $module = Import-Module (Get-PackedModule) -PassThru
}

Describe 'The help of <Name>' -ForEach $cases {
    BeforeAll {
        $command = Get-Command $name
        $help = Get-Help $name -Full
    }

    It 'is written, not made up by PowerShell' {
        $help.Synopsis.Trim() | Should -Match '^[A-Z].*\.$'
        ($help.Description.Text -join ' ').Length | Should -BeGreaterThan 60
    }

    It 'has two examples or more, each with code and a word on it' {
        @($help.Examples.Example).Count | Should -BeGreaterOrEqual 2
        foreach ($example in $help.Examples.Example) {
            $example.Code | Should -Match $name
            ($example.Remarks.Text -join '').Trim() | Should -Not -BeNullOrEmpty
            $errors = $null
            [void][Management.Automation.Language.Parser]::ParseInput($example.Code, [ref]$null, [ref]$errors)
            $errors | Should -BeNullOrEmpty
        }
    }

    It 'says what goes in and what comes out' {
        ($help.InputTypes.InputType.Type.Name -join '').Trim() | Should -Not -BeNullOrEmpty
        $documented = @($help.ReturnValues.ReturnValue.Type.Name).Trim()
        $actual = @($command.OutputType.Type | ForEach-Object { if ($_ -eq [void]) { 'None' } else { $_.FullName } })
        $documented | Sort-Object | Should -Be @($actual | Sort-Object)
    }

    It 'names only related topics that exist' {
        foreach ($link in $help.RelatedLinks.NavigationLink.LinkText) {
            if ($link -like 'about_*') {
                Join-Path $module.ModuleBase "en-US/$link.help.txt" | Should -Exist
            }
            else {
                Get-Command $link -ErrorAction Ignore | Should -Not -BeNullOrEmpty -Because "$link is related"
            }
        }
    }

    It 'has no parameter that the cmdlet does not have' {
        $known = @($command.Parameters.Keys)
        foreach ($parameter in $help.Parameters.Parameter.Name) {
            $known | Should -Contain $parameter
        }
    }

    It 'describes -<Parameter> as it is' -ForEach $parameters {
        $metadata = $command.Parameters[$parameter]
        $documented = @($help.Parameters.Parameter | Where-Object Name -EQ $parameter)
        $documented.Count | Should -Be 1
        ($documented.Description.Text -join ' ').Length | Should -BeGreaterThan 10
        if ($parameter -in 'WhatIf', 'Confirm') { return }

        $type = $metadata.ParameterType
        $type = [Nullable]::GetUnderlyingType($type) ?? $type
        $expected = switch ($type) {
            ([string]) { 'string' }
            ([string[]]) { 'string[]' }
            ([int]) { 'int' }
            default { $type.Name }
        }
        $documented.Type.Name | Should -Be $expected

        $set = @($metadata.ParameterSets.Values)[0]
        $documented.Required | Should -Be "$($set.IsMandatory)".ToLowerInvariant()
        $documented.Position | Should -Be $(if ($set.Position -ge 0) { "$($set.Position)" } else { 'named' })
        $documented.PipelineInput | Should -Be $(switch ($true) {
                ($set.ValueFromPipeline -and $set.ValueFromPipelineByPropertyName) { 'True (ByPropertyName, ByValue)'; break }
                ($set.ValueFromPipelineByPropertyName) { 'True (ByPropertyName)'; break }
                ($set.ValueFromPipeline) { 'True (ByValue)'; break }
                default { 'False' }
            })
        $documented.Aliases | Should -Be $(if ($metadata.Aliases.Count) { $metadata.Aliases -join ', ' } else { 'none' })
        $wildcards = $metadata.Attributes.Where({ $_ -is [Management.Automation.SupportsWildcardsAttribute] }).Count -gt 0
        $documented.Globbing | Should -Be "$wildcards".ToLowerInvariant()
    }
}

Describe 'The topics' {
    It 'can be read: <_>' -ForEach 'about_PgCluster', 'about_PgCluster_Failover', 'about_PgCluster_Automation' {
        $text = Get-Content -Raw -Path (Join-Path $module.ModuleBase "en-US/$_.help.txt")
        $text | Should -Match "^TOPIC\r?\n    $_\r?\n"
        $text | Should -Match 'SHORT DESCRIPTION'
        (Get-Help $_ | Out-String) | Should -Match 'SHORT DESCRIPTION'
    }

    It 'names only cmdlets and parameters that exist: <_>' -ForEach 'about_PgCluster', 'about_PgCluster_Failover', 'about_PgCluster_Automation' {
        $text = Get-Content -Raw -Path (Join-Path $module.ModuleBase "en-US/$_.help.txt")
        foreach ($name in [regex]::Matches($text, '\b[A-Z][a-z]+-Pg[A-Za-z]+').Value | Sort-Object -Unique) {
            Get-Command $name -ErrorAction Ignore | Should -Not -BeNullOrEmpty -Because $name
        }

        $ours = (Get-Command -Module PgCluster).Parameters.Keys + [Management.Automation.PSCmdlet]::CommonParameters +
            'NonInteractive', 'File', 'Command', 'Parallel', 'EnumsAsStrings', 'Depth'
        foreach ($parameter in [regex]::Matches($text, '(?<=\s)-([A-Z][A-Za-z]+)').ForEach({ $_.Groups[1].Value }) | Sort-Object -Unique) {
            $ours | Should -Contain $parameter
        }
    }

    It 'prints the example of a wrapper as it is' {
        $about = (Get-Content -Path (Join-Path $module.ModuleBase 'en-US/about_PgCluster_Automation.help.txt')).ForEach({ $_.Trim() })
        $example = (Get-Content -Path ([IO.Path]::Combine($Repository, 'examples', 'Invoke-ScheduledFailover.ps1'))).ForEach({ $_.Trim() })
        foreach ($line in $example[[Array]::IndexOf($example, '$ErrorActionPreference = ''Stop''')..($example.Count - 1)] | Where-Object { $_ }) {
            $about | Should -Contain $line
        }
    }
}
