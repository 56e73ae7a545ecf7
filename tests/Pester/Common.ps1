# Shared by all test files: dot-source it in BeforeAll.

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$env:NO_COLOR = '1'
$PSStyle.OutputRendering = 'PlainText'

$Repository = [IO.Path]::GetFullPath([IO.Path]::Combine($PSScriptRoot, '..', '..'))

# The packed module, as somebody would install it.
function Get-PackedModule {
    $packed = Get-ChildItem -Path ([IO.Path]::Combine($Repository, 'artifacts', 'module', 'PgCluster')) -Directory -ErrorAction Ignore |
        Where-Object { $_.Name -as [version] } | Sort-Object -Property { [version]$_.Name } -Descending | Select-Object -First 1
    if (-not $packed) {
        throw 'There is no packed module: run ./build.ps1 -Task Pack.'
    }

    Join-Path $packed.FullName 'PgCluster.psd1'
}

# Runs a script in a fresh, non-interactive PowerShell that has imported nothing but what the script imports. Returns what it wrote as text.
function Invoke-Fresh {
    param([Parameter(Mandatory)] [string] $Script, [switch] $AllowFailure)

    $preamble = '$ErrorActionPreference = "Stop"; $ProgressPreference = "SilentlyContinue"; $WarningPreference = "Continue"; $PSStyle.OutputRendering = "PlainText"; '
    $file = Join-Path ([IO.Path]::GetTempPath()) "pgcluster-$([guid]::NewGuid().ToString('n')).ps1"
    Set-Content -LiteralPath $file -Value ($preamble + "`n" + $Script)
    try {
        $output = & ([Environment]::ProcessPath) -NoLogo -NoProfile -NonInteractive -File $file 2>&1
        $code = $LASTEXITCODE
    }
    finally {
        Remove-Item -LiteralPath $file
    }

    $text = ($output | Out-String).Trim()
    if ($code -ne 0 -and -not $AllowFailure) {
        throw "exit code $code`: $text"
    }

    $text
}

# Polls until a condition holds; says what it waited for when it never does.
function Wait-Until {
    param([Parameter(Mandatory)] [scriptblock] $Condition, [Parameter(Mandatory)] [string] $What, [double] $BudgetSec = 30)

    $clock = [Diagnostics.Stopwatch]::StartNew()
    while (-not (& $Condition)) {
        if ($clock.Elapsed.TotalSeconds -gt $BudgetSec) {
            throw "waited $BudgetSec s for: $What"
        }

        [void][Threading.Tasks.Task]::Delay(10).Wait()
    }
}

# The error that a script ends with; one that ends without is a failure.
function Get-ErrorOf {
    param([Parameter(Mandatory)] [scriptblock] $Script)

    try { & $Script > $null } catch { return $_ }
    throw 'it did not fail'
}

# What Tab offers at the end of a line.
function Get-Completion {
    param([Parameter(Mandatory)] [string] $Line)

    @([Management.Automation.CommandCompletion]::CompleteInput($Line, $Line.Length, $null).CompletionMatches.CompletionText)
}

$CommonParameters = [Management.Automation.PSCmdlet]::CommonParameters + [Management.Automation.PSCmdlet]::OptionalCommonParameters
