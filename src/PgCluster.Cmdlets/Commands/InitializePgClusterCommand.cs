using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Initialize-PgCluster</c>: takes a streaming cluster under management, without a restart of any server; or makes a new one.</summary>
[Cmdlet(VerbsData.Initialize, "PgCluster", DefaultParameterSetName = "Adopt", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(OperationReport), typeof(PlanStep), typeof(PreflightCheck))]
public sealed class InitializePgClusterCommand : MembershipCmdlet
{
    /// <summary>Make a new cluster: initdb on one node, copies on the others.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "New")]
    public SwitchParameter New { get; set; }

    /// <summary>The node whose server is made first and leads; else the one of the highest weight.</summary>
    [Parameter(ParameterSetName = "New", Position = 0)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string Primary { get; set; } = "";

    /// <summary>The new cluster's locale, as initdb takes it.</summary>
    [Parameter(ParameterSetName = "New")]
    [ValidateNotNullOrEmpty]
    public string Locale { get; set; } = "C.UTF-8";

    /// <summary>The new cluster's encoding, as initdb takes it.</summary>
    [Parameter(ParameterSetName = "New")]
    [ValidateNotNullOrEmpty]
    public string Encoding { get; set; } = "UTF8";

    /// <summary>Seconds that initdb may take, and then the copies until they stream.</summary>
    [Parameter(ParameterSetName = "New")]
    [ValidateRange(1, 604800)]
    public double TimeoutSec { get; set; } = 600;

    /// <summary>Return what was looked at, and change nothing.</summary>
    [Parameter]
    public SwitchParameter Check { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var request = new InitializeRequest
        {
            New = New,
            Primary = Primary,
            Locale = Locale,
            Encoding = Encoding,
            Timeout = TimeSpan.FromSeconds(TimeoutSec),
            Why = Reason,
            Actor = Caller.Name,
        };
        var plan = await Cluster.PlanInitializeAsync(request, cancellationToken);
        if (Check)
        {
            foreach (var check in plan.Checks)
            {
                await pipeline.WriteAsync(check);
            }

            return;
        }

        await RunAsync(
            pipeline, plan, New ? $"Make cluster '{plan.Cluster}' with primary {plan.To}" : $"Take cluster '{plan.Cluster}' with primary {plan.To} under management",
            progress => Cluster.RunInitializeAsync(plan, request, progress, cancellationToken), cancellationToken);
    }
}
