using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Remove-PgClusterNode</c>: takes a standby out of the cluster, make before break.</summary>
[Cmdlet(VerbsCommon.Remove, "PgClusterNode", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(OperationReport), typeof(PlanStep))]
public sealed class RemovePgClusterNodeCommand : MembershipCmdlet
{
    /// <summary>The node's name.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Node")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string Name { get; set; } = "";

    /// <summary>Let its agent stop its server; else the server goes on as it is, and nobody looks after it.</summary>
    [Parameter]
    public SwitchParameter StopServer { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var request = new RemoveNodeRequest { Name = Name, StopServer = StopServer, Why = Reason, Actor = Caller.Name };
        var plan = await Cluster.PlanRemoveNodeAsync(request, cancellationToken);
        await RunAsync(
            pipeline, plan, $"Remove {Name} from cluster '{plan.Cluster}'", progress => Cluster.RunRemoveNodeAsync(plan, request, progress, cancellationToken), cancellationToken);
    }
}
