namespace PgCluster.Tests.Integration.Grpc;

/// <summary>Waiting with a budget.</summary>
internal static class Wait
{
    internal static readonly TimeSpan Budget = TimeSpan.FromSeconds(15);

    internal static async Task UntilAsync(string what, Func<Task<bool>> condition)
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        using var budget = CancellationTokenSource.CreateLinkedTokenSource(token);
        budget.CancelAfter(Budget);
        while (!await condition())
        {
            if (budget.IsCancellationRequested)
            {
                Assert.Fail($"Waited {Budget} in vain for: {what}");
            }

            await Task.Delay(10, token);
        }
    }
}
