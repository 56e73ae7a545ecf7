using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Invoke-PgRoleAdjustment</c>: has the leader adjust the roles at once; with -WhatIf shows its plan.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "PgRoleAdjustment", SupportsShouldProcess = true)]
[OutputType(typeof(RolePlan))]
public sealed class InvokePgRoleAdjustmentCommand : ClusterCmdlet
{
    /// <summary>Most changes.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? MaxSteps { get; set; }

    /// <summary>Why, for the history.</summary>
    [Parameter]
    [ValidateNotNull]
    public string Reason { get; set; } = "";

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var request = new RoleAdjustmentRequest { MaxSteps = MaxSteps ?? 0, PlanOnly = true, Why = Reason, Actor = Caller.Name };
        var plan = await Cluster.AdjustRolesAsync(request, cancellationToken);
        if (plan.Changes.Count == 0)
        {
            pipeline.Verbose($"The roles of cluster '{Cluster.Name}' are as asked for, or as near to that as its nodes allow.");
            await pipeline.WriteAsync(plan);
            return;
        }

        var change = $"Adjust the roles of cluster '{Cluster.Name}': {string.Join(", ", plan.Changes.Select(c => $"{c.Node} {c.From} -> {c.To}"))}";
        var (yes, whatIf) = await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Invoke-PgRoleAdjustment");
        if (whatIf)
        {
            await pipeline.WriteAsync(plan);
        }

        if (yes)
        {
            await pipeline.WriteAsync(await Cluster.AdjustRolesAsync(request with { PlanOnly = false }, cancellationToken));
        }
    }
}
