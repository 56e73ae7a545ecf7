using System.Text.Json;

namespace PgCluster.Engine.Switchover;

/// <summary>What the leader says in its status: words, and how far the copy is as JSON behind a tab, for whoever wants to show it.</summary>
public static class SwitchoverStatusText
{
    private const char Separator = '\t';

    /// <summary>Words and numbers as one text.</summary>
    public static string Of(string words, SwitchoverProgress progress) =>
        words + Separator + JsonSerializer.Serialize(progress, EngineJson.Default.SwitchoverProgress);

    /// <summary>The words, and the numbers when there are any.</summary>
    public static (string Words, SwitchoverProgress? Progress) Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.IndexOf(Separator, StringComparison.Ordinal);
        if (at < 0)
        {
            return (text, null);
        }

        try
        {
            return (text[..at], JsonSerializer.Deserialize(text.AsSpan(at + 1), EngineJson.Default.SwitchoverProgress));
        }
        catch (JsonException)
        {
            return (text, null);
        }
    }
}
