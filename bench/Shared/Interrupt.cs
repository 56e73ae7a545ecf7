namespace PgCluster.Bench;

/// <summary>Ctrl+C ends a bench by way of its clean-up.</summary>
internal static class Interrupt
{
    /// <summary>Cancelled by Ctrl+C.</summary>
    public static CancellationTokenSource Source()
    {
        var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, e) =>
        {
            e.Cancel = true;
            stop.Cancel();
        };
        return stop;
    }
}
