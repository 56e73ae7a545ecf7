using System.Globalization;

namespace PgCluster;

/// <summary>What clients were told, and how often.</summary>
/// <param name="Text">SQLSTATE and message, as the client saw them.</param>
/// <param name="Count">How many statements or connections ended in it.</param>
/// <param name="AfterSeconds">When it came first, in seconds since the writers began.</param>
/// <param name="LastAfterSeconds">When it came last.</param>
public sealed record WriteError(string Text, long Count, double AfterSeconds, double LastAfterSeconds)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Count} x {Text} ({AfterSeconds:0.0}{(LastAfterSeconds - AfterSeconds >= 0.1 ? $" to {LastAfterSeconds:0.0}" : "")} s)");
}
