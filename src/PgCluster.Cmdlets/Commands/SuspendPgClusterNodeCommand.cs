using System.Globalization;
using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Suspend-PgClusterNode</c>: takes a node out of service, and with -Drain makes it ready to be stopped.</summary>
[Cmdlet(VerbsLifecycle.Suspend, "PgClusterNode", SupportsShouldProcess = true)]
[OutputType(typeof(NodeSuspension), typeof(PlanStep))]
public sealed class SuspendPgClusterNodeCommand : ClusterCmdlet
{
    /// <summary>The node to take out of service.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Node")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string Name { get; set; } = "";

    /// <summary>Why; others are told.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    public string Reason { get; set; } = "";

    /// <summary>For how long; it ends by itself then. Without it only Resume-PgClusterNode ends it.</summary>
    [Parameter]
    public TimeSpan? For { get; set; }

    /// <summary>Move the primary away from it, and wait until no client session is left on it.</summary>
    [Parameter]
    public SwitchParameter Drain { get; set; }

    /// <summary>How long to wait for the sessions.</summary>
    [Parameter]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Go on although commits will wait for fewer standbys than the policy asks for.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var request = new NodeSuspensionRequest
        {
            Node = Name, Length = For, Drain = Drain, DrainTimeout = DrainTimeout, Force = Force, Why = Reason, Actor = Caller.Name,
        };
        var plan = await Cluster.PlanNodeSuspensionAsync(request, cancellationToken);
        if (ClusterConnection.RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        OperationEnd.Warn(pipeline, plan);
        var change = string.Create(
            CultureInfo.InvariantCulture,
            $"Take node '{Name}' of cluster '{plan.Cluster}' out of service{(For is { } length ? $" for {length:c}" : "")}{(plan.To is { } to ? $", and move the primary to {to}" : "")}: {Reason}");
        var (yes, whatIf) = await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Suspend-PgClusterNode");
        if (whatIf)
        {
            foreach (var step in plan.Steps)
            {
                await pipeline.WriteAsync(step);
            }
        }

        if (!yes)
        {
            return;
        }

        var (report, suspension) = await Cluster.RunNodeSuspensionAsync(plan, request, new OperationProgress(pipeline, plan, $"Suspension of {Name} in {plan.Cluster}"), cancellationToken);
        if (suspension is null)
        {
            await OperationEnd.WriteAsync(pipeline, report, $"Node '{Name}' was not taken out of service: {report.Error}.", cancellationToken);
            return;
        }

        foreach (var session in suspension.Sessions ?? [])
        {
            pipeline.Warning(string.Create(
                CultureInfo.InvariantCulture, $"A session is left on '{Name}': pid {session.Pid} of {session.User} in {session.Database} ({session.Application}), {session.State}, for {session.AgeSeconds:0} s."));
        }

        await pipeline.WriteAsync(suspension);
    }
}
