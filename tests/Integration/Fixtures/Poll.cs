using System.Diagnostics;

namespace PgCluster.Tests.Integration.Fixtures;

/// <summary>Waits for something that can only be looked at again and again.</summary>
public static class Poll
{
    /// <summary>A budget that only a failure uses up: busy machines are slow.</summary>
    public static readonly TimeSpan Budget = TimeSpan.FromSeconds(60);

    /// <summary>Returns when the condition holds; fails with what was waited for.</summary>
    public static async Task UntilAsync(string what, Func<Task<bool>> condition, TimeSpan? budget = null)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            if (clock.Elapsed > (budget ?? Budget))
            {
                throw new TimeoutException($"Waited {clock.Elapsed.TotalSeconds:0.0} s until {what}.");
            }

            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    /// <inheritdoc cref="UntilAsync(string, Func{Task{bool}}, TimeSpan?)"/>
    public static Task UntilAsync(string what, Func<bool> condition, TimeSpan? budget = null) =>
        UntilAsync(what, () => Task.FromResult(condition()), budget);
}
