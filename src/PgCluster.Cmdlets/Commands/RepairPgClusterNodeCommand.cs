using System.Globalization;
using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Repair-PgClusterNode</c>: brings a node back as a standby of the leader, by the least that helps.</summary>
[Cmdlet(VerbsDiagnostic.Repair, "PgClusterNode", SupportsShouldProcess = true)]
[OutputType(typeof(OperationReport), typeof(RepairPlan))]
public sealed class RepairPgClusterNodeCommand : ClusterCmdlet
{
    /// <summary>The node to bring back.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Node")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string Name { get; set; } = "";

    /// <summary>How; by default the least that helps.</summary>
    [Parameter]
    public RepairMethod Method { get; set; }

    /// <summary>Keep what is discarded beside the data directory.</summary>
    [Parameter]
    public SwitchParameter KeepCopy { get; set; }

    /// <summary>Why, for the history.</summary>
    [Parameter]
    [ValidateNotNull]
    public string Reason { get; set; } = "";

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var request = new RepairRequest { Node = Name, Method = Method, KeepCopy = KeepCopy, Why = Reason, Actor = Caller.Name };
        var plan = await Cluster.PlanRepairAsync(request, cancellationToken);
        if (ClusterConnection.RefusalOf(plan.Operation) is { } refusal)
        {
            throw refusal;
        }

        if (!plan.Needed && plan.Operation.Steps.Count == 0)
        {
            pipeline.Warning($"Node '{plan.Name}' needs no repair: {plan.Why}. -Method Clone makes a new copy all the same.");
            return;
        }

        OperationEnd.Warn(pipeline, plan.Operation);
        var change = Describe(plan);
        var (yes, whatIf) = await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Repair-PgClusterNode", plan.Discards);
        if (whatIf)
        {
            await pipeline.WriteAsync(plan);
        }

        if (yes)
        {
            var progress = new OperationProgress(pipeline, plan.Operation, $"Repair of {plan.Name} in {plan.Cluster}");
            var report = await Cluster.RunRepairAsync(plan, request, progress, cancellationToken);
            await OperationEnd.WriteAsync(pipeline, report, Summary(report), cancellationToken);
        }
    }

    private static string Summary(OperationReport report) => report.Outcome switch
    {
        OperationOutcome.Succeeded => $"Node '{report.Node}' streams from {report.NewPrimary}.",
        OperationOutcome.RolledBack => $"The repair of node '{report.Node}' did not begin: {report.Error}.",
        _ => $"The repair of node '{report.Node}' did not come to its end: {report.Error}.",
    };

    private static string Describe(RepairPlan plan)
    {
        var discards = plan switch
        {
            { Method: RepairMethod.Follow } => "",
            { DiscardedBytes: 0 } => "; no WAL is discarded",
            { DiscardedBytes: { } bytes, DiscardedFrom: { } from, DiscardedTo: { } to } => string.Create(
                CultureInfo.InvariantCulture, $"; {bytes} bytes of WAL that only it has are {(plan.KeepCopy ? "put aside" : "discarded")}, {from} to {to} of timeline {plan.Timeline}"),
            _ => $"; an unknown amount of WAL that only it has is {(plan.KeepCopy ? "put aside" : "discarded")}",
        };
        var replaces = plan.Method == RepairMethod.Clone
            ? string.Create(CultureInfo.InvariantCulture, $"; its data directory is {(plan.KeepCopy ? "put aside" : "replaced")} by a copy{(plan.CopyBytes is { } size ? $" of {size >> 20} MiB" : "")}")
            : "";
        return $"{plan.Method} node '{plan.Name}' of cluster '{plan.Cluster}' behind {plan.Upstream}, because {plan.Why}{discards}{replaces}";
    }
}
