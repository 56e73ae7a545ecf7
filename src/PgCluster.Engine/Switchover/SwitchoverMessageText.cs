using System.Text.Json;

namespace PgCluster.Engine.Switchover;

/// <summary>Messages and what comes with them as JSON. Reading never throws: a broken row must not break who reads it.</summary>
public static class SwitchoverMessageText
{
    private static readonly (SwitchoverMessageType Type, string Name)[] Names =
    [
        (SwitchoverMessageType.Invalid, "invalid"),
        (SwitchoverMessageType.Hello, "hello"),
        (SwitchoverMessageType.Reset, "reset"),
        (SwitchoverMessageType.ResetEnd, "reset-end"),
        (SwitchoverMessageType.Execute, "execute"),
        (SwitchoverMessageType.Pause, "pause"),
        (SwitchoverMessageType.Paused, "paused"),
        (SwitchoverMessageType.Done, "done"),
        (SwitchoverMessageType.Status, "status"),
        (SwitchoverMessageType.Error, "error"),
        (SwitchoverMessageType.Cancel, "cancel"),
    ];

    /// <summary>The word that stands for a type in the log.</summary>
    public static string NameOf(SwitchoverMessageType type) => Names.First(pair => pair.Type == type).Name;

    /// <summary>The JSON that is appended.</summary>
    public static string Write(SwitchoverMessage message)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("id", message.Id);
            writer.WriteString("node", message.Node);
            writer.WriteString("type", NameOf(message.Type));
            writer.WriteString("ack_id", message.AckId);
            if (message.Data is not null)
            {
                writer.WritePropertyName("data");
                writer.WriteRawValue(message.Data);
            }

            writer.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    /// <summary>Reads a row; one that is no message has the type <see cref="SwitchoverMessageType.Invalid"/>.</summary>
    public static SwitchoverMessage Read(long position, DateTimeOffset at, string json)
    {
        var invalid = new SwitchoverMessage(Guid.Empty, Guid.Empty, SwitchoverMessageType.Invalid, Guid.Empty, json) { Position = position, At = at };
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object
                || !TryGuid(root, "id", out var id) || !TryGuid(root, "node", out var node) || !TryGuid(root, "ack_id", out var ack)
                || !root.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String)
            {
                return invalid;
            }

            var name = type.GetString();
            var data = root.TryGetProperty("data", out var element) && element.ValueKind != JsonValueKind.Null ? element.GetRawText() : null;
            return new SwitchoverMessage(id, node, Names.FirstOrDefault(pair => pair.Name == name).Type, ack, data) { Position = position, At = at };
        }
        catch (JsonException)
        {
            return invalid;
        }
    }

    /// <summary>Data that is a sentence.</summary>
    public static string OfText(string text) => JsonSerializer.Serialize(text, EngineJson.Default.String);

    /// <summary>The sentence; null when the data is none.</summary>
    public static string? ToText(string? data)
    {
        try
        {
            return data is null ? null : JsonSerializer.Deserialize(data, EngineJson.Default.String);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Data of a hello.</summary>
    public static string OfNode(SwitchoverNodeData node) => JsonSerializer.Serialize(node, EngineJson.Default.SwitchoverNodeData);

    /// <summary>What a hello says of its node; null when it is malformed.</summary>
    public static SwitchoverNodeData? ToNode(string? data)
    {
        try
        {
            return data is null ? null : JsonSerializer.Deserialize(data, EngineJson.Default.SwitchoverNodeData);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool TryGuid(JsonElement root, string name, out Guid value)
    {
        value = Guid.Empty;
        return root.TryGetProperty(name, out var element) && element.ValueKind == JsonValueKind.String && element.TryGetGuid(out value);
    }
}
