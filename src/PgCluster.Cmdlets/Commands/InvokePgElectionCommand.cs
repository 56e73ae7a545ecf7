using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Invoke-PgElection</c>: lets the best node lead a cluster that nobody leads; with -WhatIf shows who that would be.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "PgElection", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(ElectionOutlook), typeof(OperationReport))]
public sealed class InvokePgElectionCommand : ClusterCmdlet
{
    /// <summary>Why; it goes to the history.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string Reason { get; set; } = "";

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var outlook = await Cluster.RehearseElectionAsync(cancellationToken);
        var change = $"Let {outlook.Winner ?? "nobody"} lead cluster '{outlook.Cluster}': {outlook.Evidence}";
        var (yes, whatIf) = await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Invoke-PgElection");
        if (whatIf)
        {
            await pipeline.WriteAsync(outlook);
        }

        if (!yes)
        {
            return;
        }

        if (outlook.Leader is { } leader)
        {
            throw new PgClusterException(
                PgCluster.Reason.PlanStale, $"{leader} leads cluster '{outlook.Cluster}': there is nothing to elect. Invoke-PgFailover moves the primary.") { Target = leader };
        }

        var request = new FailoverRequest { Target = outlook.Winner, Force = true, Why = Reason, Actor = Caller.Name };
        var plan = await Cluster.PlanFailoverAsync(request, cancellationToken);
        await pipeline.WriteAsync(await Cluster.RunFailoverAsync(plan, request, new OperationProgress(pipeline, plan, $"Election in {plan.Cluster}"), cancellationToken));
    }
}
