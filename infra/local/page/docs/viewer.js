// Shows the API's document with Swagger UI. Its requests go to this stack alone.

SwaggerUIBundle({
  dom_id: "#api",
  url: "/docs/openapi.json",
  // Swagger UI would otherwise send the document's address to a service of its makers.
  validatorUrl: null,
});
