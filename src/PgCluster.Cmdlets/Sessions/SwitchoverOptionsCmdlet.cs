using System.Management.Automation;

namespace PgCluster.Cmdlets;

/// <summary>Base of the cmdlets that say what a switchover moves, and how.</summary>
public abstract class SwitchoverOptionsCmdlet : SwitchoverCmdlet
{
    private static readonly string[] OptionNames =
    [
        nameof(Engine), nameof(Stop), nameof(Schema), nameof(ExcludeTable), nameof(CopySchema), nameof(TruncateTarget), nameof(Verify), nameof(Jobs), nameof(MaxLag),
        nameof(NoWayBack), nameof(SourceUriForTarget), nameof(TargetUriForSource),
    ];

    /// <summary>How the data is carried; the preflight chooses when not given.</summary>
    [Parameter]
    public SwitchoverEngine Engine { get; set; }

    /// <summary>How clients are held back.</summary>
    [Parameter]
    public SwitchoverStop Stop { get; set; }

    /// <summary>Schemas to move; all but the system's own when not given.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] Schema { get; set; } = [];

    /// <summary>Tables to leave out, as schema.table with wildcards.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] ExcludeTable { get; set; } = [];

    /// <summary>Bring the schema over with pg_dump.</summary>
    [Parameter]
    public SwitchParameter CopySchema { get; set; }

    /// <summary>Empty tables of the target that hold rows.</summary>
    [Parameter]
    public SwitchParameter TruncateTarget { get; set; }

    /// <summary>What is compared before the flip.</summary>
    [Parameter]
    public SwitchoverVerify Verify { get; set; } = SwitchoverVerify.Sample;

    /// <summary>Tables, or parts of large ones, copied at the same time.</summary>
    [Parameter]
    [ValidateRange(1, 64)]
    public int Jobs { get; set; } = 2;

    /// <summary>Changes the target may lack when clients are stopped: bytes of WAL, or rows of the change log.</summary>
    [Parameter]
    [ValidateRange(1L, long.MaxValue)]
    public long MaxLag { get; set; } = 1_000_000;

    /// <summary>Let nothing flow back after the flip: there is no rollback then.</summary>
    [Parameter]
    public SwitchParameter NoWayBack { get; set; }

    /// <summary>How the target's server reaches the source, when that differs.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? SourceUriForTarget { get; set; }

    /// <summary>How the source's server reaches the target, when that differs.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? TargetUriForSource { get; set; }

    /// <summary>True when one of the options stands on the command line.</summary>
    private protected bool OptionsAreGiven => OptionNames.Any(MyInvocation.BoundParameters.ContainsKey);

    /// <summary>The options as given.</summary>
    private protected SwitchoverOptions Options => new()
    {
        SourceUri = SourceUri,
        TargetUri = TargetUri,
        SourceUriForTarget = SourceUriForTarget,
        TargetUriForSource = TargetUriForSource,
        Engine = Engine,
        Stop = Stop,
        Schemas = Schema,
        ExcludedTables = ExcludeTable,
        CopySchema = CopySchema,
        TruncateTarget = TruncateTarget,
        Verify = Verify,
        Jobs = Jobs,
        MaxLag = MaxLag,
        WayBack = !NoWayBack,
    };
}
