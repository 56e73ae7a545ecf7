using System.Globalization;
using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Suspend-PgPooler</c>: pauses poolers, each under a lease that ends by itself.</summary>
[Cmdlet(VerbsLifecycle.Suspend, "PgPooler", SupportsShouldProcess = true)]
[OutputType(typeof(PoolerInfo))]
public sealed class SuspendPgPoolerCommand : PoolerCmdlet
{
    /// <summary>Names of poolers, wildcards allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Pooler")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PoolerCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>Seconds a pooler may take to pause; failover.pause_timeout when not given.</summary>
    [Parameter]
    [ValidateRange(1, 3600)]
    public int? TimeoutSec { get; set; }

    /// <summary>Seconds after which a pooler resumes by itself; failover.pause_expiry when not given.</summary>
    [Parameter]
    [ValidateRange(1, 3600)]
    public int? ExpirySec { get; set; }

    /// <summary>Return the poolers as they are afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void PrepareBegin()
    {
        base.PrepareBegin();
        if (TimeoutSec >= ExpirySec)
        {
            throw new PgClusterException(Reason.InvalidArgument, string.Create(
                CultureInfo.InvariantCulture,
                $"-TimeoutSec {TimeoutSec} has to be less than -ExpirySec {ExpirySec}: the pause would end before it is complete.")) { Target = nameof(TimeoutSec) };
        }
    }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var chosen = new List<PoolerInfo>();
        foreach (var pooler in await FindAsync(Name, pipeline, cancellationToken))
        {
            var change = string.Create(
                CultureInfo.InvariantCulture,
                $"Pause pooler '{pooler.Name}' of cluster '{pooler.Cluster}' ({pooler.State}, {pooler.Clients} clients, leads to {pooler.PointsTo ?? "nowhere known"})");
            if ((await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Suspend-PgPooler")).Yes)
            {
                chosen.Add(pooler);
            }
        }

        // All at once: one after the other, the first would be resumed by its expiry while the last is still being paused.
        var paused = await EachAsync(
            chosen,
            async pooler =>
            {
                var lease = await Cluster.SuspendPoolerAsync(pooler, Caller.Name, Seconds(TimeoutSec), Seconds(ExpirySec), cancellationToken);
                pipeline.Verbose($"Pooler '{pooler.Name}' is paused until {lease.ExpiresAt:O} under lease {lease.Id}.");
            },
            pipeline,
            cancellationToken);
        if (PassThru && paused.Count > 0)
        {
            await WriteNowAsync(paused, pipeline, cancellationToken);
        }
    }

    private static TimeSpan? Seconds(int? seconds) => seconds is { } s ? TimeSpan.FromSeconds(s) : null;
}
