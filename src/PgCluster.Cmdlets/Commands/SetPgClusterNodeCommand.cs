using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Set-PgClusterNode</c>: changes what the whole cluster knows of a node, while it serves.</summary>
[Cmdlet(VerbsCommon.Set, "PgClusterNode", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(OperationReport), typeof(PlanStep))]
public sealed class SetPgClusterNodeCommand : MembershipCmdlet
{
    /// <summary>The node's name.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Node")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string Name { get; set; } = "";

    // None of these comes by property name: a node that is piped in has all of them, and would be set to what it was when it was looked at.

    /// <summary>Rack, zone or site; empty for none.</summary>
    [Parameter]
    [ValidateNotNull]
    public string? FailureDomain { get; set; }

    /// <summary>Preference among equals; higher is taken first.</summary>
    [Parameter]
    public int? Weight { get; set; }

    /// <summary>True: the node must never be promoted; false: it may.</summary>
    [Parameter]
    public bool? NoFailover { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var request = new SetNodeRequest
        {
            Name = Name, FailureDomain = FailureDomain, Weight = Weight, NoFailover = NoFailover, Why = Reason, Actor = Caller.Name,
        };
        var plan = await Cluster.PlanSetNodeAsync(request, cancellationToken);
        if (ClusterConnection.RefusalOf(plan) is null && plan.Steps.Count == 0)
        {
            pipeline.Warning($"Node '{Name}' of cluster '{plan.Cluster}' is so already: nothing was changed.");
            return;
        }

        var what = plan.Steps is [var change, ..] ? change.Description : "";
        await RunAsync(
            pipeline, plan, $"Set {Name} of cluster '{plan.Cluster}': {what}",
            progress => Cluster.RunSetNodeAsync(plan, request, progress, cancellationToken), cancellationToken);
    }
}
