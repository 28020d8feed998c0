import express from "express";
import axios from "axios";
import registry from "roster-registry";

const app = express();
const PORT = 3000;

app.get("/auth/authenticate", async (req, res) => {
  const resp = await registry.resolve("auth-service");

  if (!resp.instance) return res.status(503).json({ error: "auth down" });

  const { host, port } = resp.instance;
  const result = await axios.get(`http://${host}:${port}/authenticate`);
  res.json(result.data);
});

app.listen(PORT, () =>
  console.log("Gateway on 3000")
);
