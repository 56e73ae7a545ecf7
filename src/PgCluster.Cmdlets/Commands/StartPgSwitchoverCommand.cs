using System.Globalization;
using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary>
/// <c>Start-PgSwitchover</c>: moves the application to the other database, or back. Ctrl+C before the flip leaves the source in charge.
/// </summary>
[Cmdlet(VerbsLifecycle.Start, "PgSwitchover", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(SwitchoverOperation), typeof(OperationReport), typeof(PlanStep))]
public sealed class StartPgSwitchoverCommand : SwitchoverCmdlet
{
    private PgClusterSession? _default;
    private PgClusterSession? _own;
    private string? _file;

    /// <summary>The way back instead, as long as the switchover was not completed.</summary>
    [Parameter]
    public SwitchParameter Rollback { get; set; }

    /// <summary>Return the report when it is over instead of an operation that runs in the background.</summary>
    [Parameter]
    public SwitchParameter Wait { get; set; }

    /// <summary>Why, for the history.</summary>
    [Parameter]
    [ValidateNotNull]
    public string Reason { get; set; } = "";

    /// <summary>The session of Connect-PgCluster whose poolers are paused, or the name of a connected cluster; the runspace's default when not given.</summary>
    [Parameter]
    [SessionFromName]
    [ArgumentCompleter(typeof(SessionCompleter))]
    public PgClusterSession? Connection { get; set; }

    /// <summary>Configuration file of that cluster.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? ConfigFile { get; set; }

    /// <inheritdoc/>
    protected override void PrepareProcess()
    {
        _default = RunspaceSessions.Current.Default;
        _file = ConfigFile is null ? null : GetUnresolvedProviderPathFromPSPath(ConfigFile);
    }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var switchover = Switchover;
        var plan = await switchover.PlanAsync(null, Rollback, cancellationToken);
        if (SwitchoverConnection.RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        foreach (var check in plan.Checks.Where(c => c.Status == CheckStatus.Warning))
        {
            pipeline.Warning($"{check.Name}: {check.Evidence}{(check.Remedy.Length > 0 ? $" -- {check.Remedy}" : "")}");
        }

        var change = Describe(plan);
        var (yes, whatIf) = await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Switchover");
        foreach (var step in whatIf ? plan.Steps : [])
        {
            await pipeline.WriteAsync(step);
        }

        if (!yes)
        {
            return;
        }

        var cluster = SwitchoverConnection.NeedsCluster(plan) ? FindCluster() : null;
        if (!Wait)
        {
            var own = _own;
            _own = null;
            await pipeline.WriteAsync(SwitchoverOperation.Start(Detach(), cluster, own, plan, Reason, Caller.Name));
            return;
        }

        var progress = new OperationProgress(pipeline, plan, $"Switchover from {plan.From} to {plan.To}");
        OperationReport report;
        using (cancellationToken.Register(() => pipeline.Announce(progress.Committed
            ? "The switchover is past its point of no return: it goes on to its end."
            : "The switchover is being stopped: the source stays in charge, and what was copied stays for the next run.")))
        {
            report = await switchover.RunAsync(plan, cluster, Reason, Caller.Name, progress, progress, cancellationToken);
        }

        if (cancellationToken.IsCancellationRequested)
        {
            pipeline.Announce(Summary(report));
            return;
        }

        await pipeline.WriteAsync(report);
        if (report.Outcome != OperationOutcome.Succeeded)
        {
            var reason = report.Outcome == OperationOutcome.NeedsOperator ? PgCluster.Reason.NeedsOperator : report.ErrorReason ?? PgCluster.Reason.RolledBack;
            await pipeline.WriteErrorAsync(ErrorTable.ToRecord(new PgClusterException(reason, Summary(report)) { Report = report }));
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask CloseAsync()
    {
        await base.CloseAsync();
        if (_own is { } own)
        {
            _own = null;
            await own.CloseAsync();
        }
    }

    private static string Summary(OperationReport report) => report.Outcome switch
    {
        OperationOutcome.Succeeded => $"The switchover succeeded: {report.NewPrimary} is in charge.",
        OperationOutcome.RolledBack => $"The switchover did not happen, {report.OldPrimary} is in charge: {report.Error}.",
        _ => $"The switchover needs an operator: {report.Error}.",
    };

    private static string Describe(OperationPlan plan)
    {
        var noReturn = plan.Steps.FirstOrDefault(s => s.PointOfNoReturn);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Move the application from {plan.From} to {plan.To}: {plan.Steps.Count} steps{(noReturn is null ? "" : $", point of no return at step {noReturn.Number} ({noReturn.Name})")}");
    }

    private ClusterConnection FindCluster()
    {
        if (Connection is { } given)
        {
            return given.Use();
        }

        if (_file is not null)
        {
            _own = PgClusterSession.Open(_file);
            return _own.Use();
        }

        return _default?.Use() ?? throw ErrorTable.Own(
            ErrorTable.NotConnected, "No cluster is connected whose poolers could hold the clients back; New-PgSwitchover -Stop ReadOnly or Gate needs none.");
    }
}
