using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Resume-PgPooler</c>: ends pauses before their expiry.</summary>
[Cmdlet(VerbsLifecycle.Resume, "PgPooler", SupportsShouldProcess = true)]
[OutputType(typeof(PoolerInfo))]
public sealed class ResumePgPoolerCommand : PoolerCmdlet
{
    /// <summary>Names of poolers, wildcards allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Pooler")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PoolerCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>Resume only when this lease holds the pooler; whichever holds it when not given.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? LeaseId { get; set; }

    /// <summary>Seconds a pooler may take to resume; no limit of its own when not given.</summary>
    [Parameter]
    [ValidateRange(1, 3600)]
    public int? TimeoutSec { get; set; }

    /// <summary>Return the poolers as they are afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var chosen = new List<PoolerInfo>();
        foreach (var pooler in await FindAsync(Name, pipeline, cancellationToken))
        {
            var change = $"Resume pooler '{pooler.Name}' of cluster '{pooler.Cluster}' ({pooler.State}{(pooler.Lease is { } lease ? $", paused by {lease.Holder}" : "")})";
            if ((await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Resume-PgPooler")).Yes)
            {
                chosen.Add(pooler);
            }
        }

        var resumed = await EachAsync(chosen, pooler => ResumeAsync(pooler, pipeline, cancellationToken), pipeline, cancellationToken);
        if (PassThru && resumed.Count > 0)
        {
            await WriteNowAsync(resumed, pipeline, cancellationToken);
        }
    }

    private async Task ResumeAsync(PoolerInfo pooler, CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        using var budget = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (TimeoutSec is { } seconds)
        {
            budget.CancelAfter(TimeSpan.FromSeconds(seconds));
        }

        try
        {
            var wasPaused = await Cluster.ResumePoolerAsync(pooler, LeaseId, budget.Token);
            pipeline.Verbose(wasPaused ? $"Pooler '{pooler.Name}' serves its clients again." : $"Pooler '{pooler.Name}' was not paused by that.");
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PgClusterException(Reason.StepTimeout, $"Pooler '{pooler.Name}' was not resumed within {TimeoutSec} s.", e) { Target = pooler.Name };
        }
    }
}
