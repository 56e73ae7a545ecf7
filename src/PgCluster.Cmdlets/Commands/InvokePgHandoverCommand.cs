using System.Globalization;
using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Invoke-PgHandover</c>: gives a node's role to the best other one, so that it can be stopped.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "PgHandover", SupportsShouldProcess = true)]
[OutputType(typeof(OperationReport), typeof(PlanStep))]
public sealed class InvokePgHandoverCommand : ClusterCmdlet
{
    /// <summary>The node that hands over.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Node")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string Name { get; set; } = "";

    /// <summary>Why; others are told.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public string Reason { get; set; } = "handover";

    /// <summary>How long all of it may take.</summary>
    [Parameter]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Go on although commits will wait for fewer standbys than the policy asks for, in mode protection too.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var request = new NodeSuspensionRequest { Node = Name, HandsOver = true, Limit = Timeout, Force = Force, Why = Reason, Actor = Caller.Name };
        var plan = await Cluster.PlanNodeSuspensionAsync(request, cancellationToken);
        if (ClusterConnection.RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        OperationEnd.Warn(pipeline, plan);
        if (plan.Steps.Count == 0)
        {
            pipeline.Verbose($"{plan.Checks[0].Evidence}.");
            return;
        }

        var change = string.Create(
            CultureInfo.InvariantCulture,
            $"Let node '{Name}' of cluster '{plan.Cluster}' hand over{(plan.To is { } to ? $", and move the primary to {to}" : "")}: {Reason}");
        var (yes, whatIf) = await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Invoke-PgHandover");
        if (whatIf)
        {
            foreach (var step in plan.Steps)
            {
                await pipeline.WriteAsync(step);
            }
        }

        if (yes)
        {
            var (report, _) = await Cluster.RunNodeSuspensionAsync(plan, request, new OperationProgress(pipeline, plan, $"Handover of {Name} in {plan.Cluster}"), cancellationToken);
            await OperationEnd.WriteAsync(
                pipeline, report, report.Outcome == OperationOutcome.Succeeded ? $"Node '{Name}' of '{plan.Cluster}' has handed over." : $"Node '{Name}' of '{plan.Cluster}' has not handed over: {report.Error}.", cancellationToken);
        }
    }
}
