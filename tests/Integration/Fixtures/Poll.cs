using System.Diagnostics;

namespace PgCluster.Tests.Integration.Fixtures;

/// <summary>Waits for something that can only be looked at again and again.</summary>
public static class Poll
{
    /// <summary>A budget that only a failure uses up: busy machines are slow.</summary>
    public static readonly TimeSpan Budget = TimeSpan.FromSeconds(60);

    /// <summary>Returns when the condition holds; fails with what was waited for. While etcd does not answer, or elects, it does not hold.</summary>
    public static async Task UntilAsync(string what, Func<Task<bool>> condition, TimeSpan? budget = null)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var store = "";
            try
            {
                if (await condition())
                {
                    return;
                }
            }
            catch (PgClusterException e) when (e.Reason is Reason.StoreUnavailable or Reason.NoQuorum)
            {
                store = $" {e.Message}";
            }

            if (clock.Elapsed > (budget ?? Budget))
            {
                throw new TimeoutException($"Waited {clock.Elapsed.TotalSeconds:0.0} s until {what}.{store}");
            }

            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    /// <inheritdoc cref="UntilAsync(string, Func{Task{bool}}, TimeSpan?)"/>
    public static Task UntilAsync(string what, Func<bool> condition, TimeSpan? budget = null) =>
        UntilAsync(what, () => Task.FromResult(condition()), budget);
}
