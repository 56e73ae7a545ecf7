using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary>What asking for a failover and asking whether it may run have in common.</summary>
public abstract class FailoverCmdlet : ClusterCmdlet
{
    /// <summary>The node to promote; the best candidate when not given.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Node")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string? Target { get; set; }

    /// <summary>Go on although the primary is gone. Allows no loss and silences no question.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Go on although nobody can vouch for every acknowledged commit.</summary>
    [Parameter]
    public SwitchParameter AllowDataLoss { get; set; }

    /// <summary>What to do with sessions that would keep a pooler from pausing.</summary>
    [Parameter]
    public BlockerPolicy BlockerPolicy { get; set; }

    private protected FailoverRequest Request(string why) => new()
    {
        Target = Target,
        Force = Force,
        AllowDataLoss = AllowDataLoss,
        BlockerPolicy = BlockerPolicy,
        Why = why,
        Actor = Caller.Name,
    };
}
